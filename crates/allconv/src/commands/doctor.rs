//! `allconv doctor`: what this machine offers, and what is missing.

use allconv_data::DataDirectory;
use allconv_kernels::Isa;

use crate::arguments::DataArguments;
use crate::{device, environment, exit, output, runner};

/// Runs the command.
pub(crate) fn run(arguments: &DataArguments) -> anyhow::Result<u8> {
    let here = environment::describe(Isa::detect(), device::choose("auto")?.kind, runner::all_threads());
    output::print_line(format_args!("allconv          {} (commit {})", here.allconv, here.commit))?;
    output::print_line(format_args!("compiler         {}", here.compiler))?;
    output::print_line(format_args!("platform         {}", here.platform))?;
    output::print_line(format_args!("processor        {}, {} threads", here.cpu, here.threads))?;
    let sets: Vec<String> = Isa::available().iter().map(ToString::to_string).collect();
    output::print_line(format_args!(
        "instruction sets {} (in use: {})",
        sets.join(", "),
        here.instruction_set
    ))?;
    for name in ["cpu", "cuda", "vulkan"] {
        let state = device::choose(name).map_or_else(|error| error.to_string(), |_| "ready".to_owned());
        output::print_line(format_args!("device {name:<10}{state}"))?;
    }
    output::print_line(format_args!("data folder      {}", arguments.data_dir.display()))?;
    for dataset in allconv_data::list(&DataDirectory::new(&arguments.data_dir))? {
        output::print_line(format_args!(
            "  {:<15}{}",
            dataset.name,
            if dataset.present { "here" } else { "absent" }
        ))?;
    }
    Ok(exit::OK)
}
