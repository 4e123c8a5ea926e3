//! `allconv doctor`: what this machine offers, and what is missing.

use allconv_data::DataDirectory;
use allconv_kernels::Isa;

use crate::arguments::DataArguments;
use crate::{device, environment, exit, runner};

/// Runs the command.
pub(crate) fn run(arguments: &DataArguments) -> anyhow::Result<u8> {
    let here = environment::describe(Isa::detect(), device::choose("auto")?.kind, runner::all_threads());
    println!("allconv          {} (commit {})", here.allconv, here.commit);
    println!("compiler         {}", here.compiler);
    println!("platform         {}", here.platform);
    println!("processor        {}, {} threads", here.cpu, here.threads);
    let sets: Vec<String> = Isa::available().iter().map(ToString::to_string).collect();
    println!("instruction sets {} (in use: {})", sets.join(", "), here.instruction_set);
    for name in ["cpu", "cuda", "vulkan"] {
        let state = device::choose(name).map_or_else(|error| error.to_string(), |_| "ready".to_owned());
        println!("device {name:<10}{state}");
    }
    println!("data folder      {}", arguments.data_dir.display());
    for dataset in allconv_data::list(&DataDirectory::new(&arguments.data_dir))? {
        println!("  {:<15}{}", dataset.name, if dataset.present { "here" } else { "absent" });
    }
    Ok(exit::OK)
}
