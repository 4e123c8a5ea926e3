//! `allconv doctor`: the capabilities of this machine, and what is missing.

use allconv_data::DataDirectory;
use allconv_kernels::Isa;

use crate::arguments::DoctorArguments;
use crate::device::GpuKind;
use crate::device_operations::{OPERATIONS, try_apart};
use crate::{bits, device, environment, exit, machine, output};

/// Runs the command.
pub(crate) fn run(arguments: &DoctorArguments) -> anyhow::Result<u8> {
    if arguments.bits {
        return bits::run(&arguments.bits_arguments);
    }
    let data_dir = &arguments.data.data_dir;
    let here = environment::describe(Isa::detect(), device::choose("auto")?.kind, machine::all_threads());
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
    output::print_line(format_args!("device cpu       ready"))?;
    for kind in &device::GPU_KINDS {
        tell_of_gpus(kind)?;
    }
    output::print_line(format_args!("data folder      {}", data_dir.display()))?;
    for dataset in allconv_data::list(&DataDirectory::new(data_dir))? {
        output::print_line(format_args!(
            "  {:<15}{}",
            dataset.name,
            if dataset.present { "present" } else { "absent" }
        ))?;
    }
    Ok(exit::OK)
}

/// Reports on one kind of GPU: whether this build has it, what it needs, what was tested, and what the first such device can do.
fn tell_of_gpus(kind: &GpuKind) -> anyhow::Result<()> {
    let GpuKind { name, built_in, to_build, tested } = kind;
    let chosen = device::choose(name);
    let state = match &chosen {
        Ok(chosen) => {
            format!("ready: {}", device::driver_name(chosen).as_deref().unwrap_or("without a name"))
        }
        Err(error) => error.to_string(),
    };
    output::print_line(format_args!("device {name:<10}{state}"))?;
    output::print_line(format_args!("  in this build  {}", if *built_in { "yes" } else { "no" }))?;
    output::print_line(format_args!("  build needs    {to_build}"))?;
    output::print_line(format_args!("  tested         {tested}"))?;
    if let Ok(chosen) = &chosen {
        for operation in &OPERATIONS {
            let finding = try_apart(operation, &chosen.name)?;
            output::print_line(format_args!("  {:<36}{finding}", operation.name))?;
        }
    }
    Ok(())
}
