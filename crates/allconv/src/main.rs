//! The command line of allconv; the commands are in `commands/`.
#![forbid(unsafe_code)]
// Both panic when the stream is closed or the disk is full; `output` returns an error instead.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod allocator;
mod arguments;
mod bits;
mod commands;
mod device;
mod device_operations;
mod environment;
mod example_images;
mod exit;
mod interrupt;
mod machine;
mod measures;
mod memory;
mod notices;
mod output;
mod overall;
mod process;
mod progress;
mod runner;
mod seeds;
mod slurm;
mod subject;
mod table;
mod template;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Cli, Command};

fn main() -> ExitCode {
    interrupt::outlive_file_limit();
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Study(command) => commands::study::run(command),
        Command::Paper(command) => commands::paper::run(&command),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Predict(arguments) => commands::predict::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Measure(arguments) => commands::measure::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Runs(command) => commands::runs::run(&command),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Models(command) => commands::models::run(&command),
        Command::Operators(command) => commands::operators::run(&command),
        Command::Presets(command) => commands::presets::run(&command),
        Command::Data(command) => commands::data::run(&command),
        Command::Bench(command) => commands::bench::run(&command),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::TryOperation { device, operation } => commands::try_operation::run(&device, &operation),
        Command::Schema { format } => commands::schema::run(format),
        Command::Completions { shell } => commands::shell::completions(shell),
        Command::Man { command } => commands::shell::man(&command),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<output::OutputClosed>() => ExitCode::from(exit::OK),
        Err(error) => {
            output::note(format_args!("error: {}", exit::message(&error)));
            ExitCode::from(exit::code(&error))
        }
    }
}
