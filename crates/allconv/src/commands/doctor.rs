//! `allconv doctor`: what this machine offers, and what is missing.

use allconv_data::DataDirectory;
use allconv_kernels::Isa;

use crate::arguments::DoctorArguments;
use crate::{bits, device, environment, exit, output, runner};

/// Runs the command.
pub(crate) fn run(arguments: &DoctorArguments) -> anyhow::Result<u8> {
    if arguments.bits {
        return bits::run(&arguments.bits_arguments);
    }
    let data_dir = &arguments.data.data_dir;
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
    output::print_line(format_args!("data folder      {}", data_dir.display()))?;
    for dataset in allconv_data::list(&DataDirectory::new(data_dir))? {
        output::print_line(format_args!(
            "  {:<15}{}",
            dataset.name,
            if dataset.present { "here" } else { "absent" }
        ))?;
    }
    Ok(exit::OK)
}
