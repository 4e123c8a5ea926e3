//! Development commands of the workspace: `cargo xtask check` before every push, `cargo xtask release-check` before a release.
#![forbid(unsafe_code)]

mod bench_operators;
mod bench_peers;
mod check;
mod dependencies;
mod device_check;
mod dist;
mod generated;
mod links;
mod release_check;
mod reliability;
mod shell;
mod slurm_check;
mod source;
mod training_unharmed;
mod validity;
mod words;

use std::path::PathBuf;

const USAGE: &str = "usage: cargo xtask COMMAND

  check           format, clippy, documentation, dependencies of the crates, cycles of files, links, words, generated files unchanged
  generate        writes the generated files anew
  lines           product lines of every crate, and what is above the limits of the style
  cycles          the largest cycle of files that need each other, per crate
  release-check [PYTHON]
                  the longer campaigns; with an interpreter that has NumPy and SciPy, the published statistics in Python too,
                  and the quickstart from a wheel in a clean virtual environment
  dist PYTHON     wheel and archive of the program with checksums, in target/dist; the interpreter makes a virtual environment for maturin
  slurm-check [ALLCONV]
                  an array job of 200 runs on a real Slurm of this machine, disturbed; a part of release-check; as root, on Debian;
                  writes docs/slurm-check.log
  sanitize        the kernels' tests under AddressSanitizer, a part of release-check
  validity        studies with known truth, analysed as real ones are; a part of release-check; writes docs/validity.md
  bench-peers PYTHON [ROUNDS [SECTION ...]]
                  throughput beside PyTorch, ONNX Runtime and OpenVINO, interleaved; writes docs/performance.md. Sections: main, bf16,
                  infer, infer-bf16, avx2, threads, small, large, dense, networks, data; all by default. All but small, networks and
                  data are measured ROUNDS times, 5 by default
  training-unharmed PYTHON DATA_DIR [OPTION ...]
                  loss curves and final errors of the accuracy classes beside a PyTorch twin, from the same weights and batches;
                  writes docs/training-unharmed.md. Options are those of peers/torch/training_unharmed.py
  bench-operators PYTHON [ROUNDS [THREADS]]
                  every operator beside its PyTorch counterpart, interleaved; writes docs/operators-performance.md
  device-check vulkan|cuda DRIVER
                  the golden vectors of every operator and a training of every network on the first such device; writes
                  docs/vulkan.md or docs/cuda.md, which call the device by the name DRIVER
";

fn main() -> anyhow::Result<()> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => check::run(&workspace),
        ["generate"] => generated::write(&workspace),
        ["lines"] => source::print_lines(&workspace),
        ["cycles"] => source::print(&workspace),
        ["bench-peers", python] => bench_peers::run(&workspace, python, 5, &[]),
        ["bench-peers", python, rounds, ref sections @ ..] => {
            bench_peers::run(&workspace, python, rounds.parse()?, sections)
        }
        ["training-unharmed", python, data, ref options @ ..] => {
            training_unharmed::run(&workspace, python, data, options)
        }
        ["bench-operators", python] => bench_operators::run(&workspace, python, 3, "2"),
        ["bench-operators", python, rounds] => bench_operators::run(&workspace, python, rounds.parse()?, "2"),
        ["bench-operators", python, rounds, threads] => {
            bench_operators::run(&workspace, python, rounds.parse()?, threads)
        }
        ["device-check", device, driver] => device_check::run(&workspace, device, driver),
        ["release-check"] => release_check::run(&workspace, None),
        ["release-check", python] => release_check::run(&workspace, Some(python)),
        ["slurm-check"] => slurm_check::run(&workspace, None),
        ["slurm-check", program] => slurm_check::run(&workspace, Some(program)),
        ["dist", python] => dist::run(&workspace, python),
        ["reliability", ref options @ ..] => reliability::run(&workspace, options),
        ["validity"] => validity::run(&workspace),
        ["sanitize"] => release_check::sanitize(&workspace),
        _ => {
            eprint!("{USAGE}{}", reliability::USAGE);
            std::process::exit(2);
        }
    }
}
