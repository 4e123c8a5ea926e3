//! What is required of the program, by which part or test each requirement is shown, and what is missing.

/// A requirement.
pub(super) struct Requirement {
    /// Its number.
    pub(super) number: &'static str,
    /// The requirement in a few words.
    pub(super) text: &'static str,
    /// Names of parts, and paths of tests.
    pub(super) shown_by: &'static [&'static str],
    /// What is not shown; empty where nothing is missing.
    pub(super) missing: &'static str,
}

/// A fault of the program that the campaign found.
pub(super) struct Mended {
    /// What happened.
    pub(super) fault: &'static str,
    /// The path of the test that it would fail.
    pub(super) test: &'static str,
}

/// The faults that the campaign found.
pub(super) const MENDED: &[Mended] = &[
    Mended {
        fault: "Packed images, label maps and shards of a later version were called damaged, with the advice to delete them.",
        test: "crates/allconv/tests/command_line/formats.rs",
    },
    Mended {
        fault: "Temporary files of killed exports, publications, papers and predictions stayed for ever in the folders that people pass on.",
        test: "crates/files/src/atomic.rs",
    },
];

/// The requirements.
pub(super) const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        number: "R1",
        text: "A run that is killed at any instant and started again ends with the bits of an undisturbed one.",
        shown_by: &["kills", "crates/allconv/tests/command_line/resume.rs"],
        missing: "",
    },
    Requirement {
        number: "R2",
        text: "So does a run that is stopped at any system call, or whose machine loses power.",
        shown_by: &["failpoints", "power", "crates/allconv/tests/command_line/failpoints.rs"],
        missing: "",
    },
    Requirement {
        number: "R3",
        text: "Results do not depend on threads, loader workers or instruction sets.",
        shown_by: &[
            "crates/allconv/tests/command_line/determinism.rs",
            "crates/allconv/tests/command_line/shards.rs",
            "crates/kernels/tests/agreement",
        ],
        missing: "8 threads, terminals and other locales are not tried by a test.",
    },
    Requirement {
        number: "R4",
        text: "Gradients of every operator agree with differences; planted wrong gradients are found.",
        shown_by: &["crates/nets/tests/behaviour/gradient_check.rs"],
        missing: "1,000 shapes for each operator.",
    },
    Requirement {
        number: "R5",
        text: "Operators agree with another implementation: equal where data only move, within stated bounds elsewhere.",
        shown_by: &["crates/nets/tests/behaviour/golden_vectors.rs", "docs/vulkan.md"],
        missing: "CUDA.",
    },
    Requirement {
        number: "R6",
        text: "Training steps agree with those of a PyTorch twin.",
        shown_by: &["crates/nets/tests/training_step.rs", "docs/training-unharmed.md"],
        missing: "",
    },
    Requirement {
        number: "R7",
        text: "Damaged and hostile files cause no panic, at most 512 MiB and at most 1 s for an input.",
        shown_by: &[
            "inputs",
            "crates/allconv/tests/fuzz",
            "crates/inspect/tests/malformed_folders.rs",
            "crates/data/tests/images.rs",
        ],
        missing: "Feedback of coverage; readers of whole run directories and of networks.",
    },
    Requirement {
        number: "R8",
        text: "Archives write nothing outside their folder and leave no partial set.",
        shown_by: &["crates/data/tests/import/refusals.rs", "crates/data/tests/zip.rs"],
        missing: "A canary tree around the folder; a million entries.",
    },
    Requirement {
        number: "R9",
        text: "Damaged data are found before training, with file, hashes and remedy.",
        shown_by: &[
            "crates/data/tests/images.rs",
            "crates/data/src/dataset/pack.rs",
            "crates/data/src/pictures/pack.rs",
            "crates/data/src/dataset/cifar.rs",
        ],
        missing: "Repairing a download; leaving single bad images out of an import.",
    },
    Requirement {
        number: "R10",
        text: "A full disk ends a command with exit code 74 and path, needed and free bytes; with space it continues to the same bits.",
        shown_by: &["disks", "failpoints", "crates/allconv/tests/command_line/lost_runs.rs"],
        missing: "",
    },
    Requirement {
        number: "R11",
        text: "A loss that is not finite is found on its step; the run is diverged, counted and shown.",
        shown_by: &["crates/study/src/results/collect.rs", "crates/train/src/health.rs"],
        missing: "An option for what follows; the layer and batch of the step.",
    },
    Requirement {
        number: "R12",
        text: "Many processes on one folder make every run exactly once, kills included.",
        shown_by: &["workers", "crates/study/src/run/shared_store.rs"],
        missing: "File systems without locks.",
    },
    Requirement {
        number: "R13",
        text: "SIGTERM, SIGINT, SIGHUP and SIGUSR1 end a run with a checkpoint and exit code 75 within 10 s.",
        shown_by: &["signals", "crates/allconv/tests/command_line/resume.rs"],
        missing: "",
    },
    Requirement {
        number: "R16",
        text: "Memory, descriptors and threads stay the same over epochs and predictions.",
        shown_by: &["steady"],
        missing: "The memory of GPUs.",
    },
    Requirement {
        number: "R17",
        text: "Files of every released format are read; later formats are refused and left as they are.",
        shown_by: &[
            "formats",
            "crates/allconv/tests/command_line/formats.rs",
            "crates/allconv/tests/command_line/model_folder.rs",
            "crates/allconv/tests/command_line/lost_runs.rs",
        ],
        missing: "",
    },
    Requirement {
        number: "R18",
        text: "No panic is reachable from input; unsafe code states why it is sound and is run under a sanitizer.",
        shown_by: &["xtask/src/release_check.rs"],
        missing: "The lints unwrap_used and indexing_slicing; cargo-deny.",
    },
    Requirement {
        number: "R19",
        text: "Commands in the documentation are executed.",
        shown_by: &[
            "crates/allconv/tests/command_line/tutorial.rs",
            "crates/allconv/tests/command_line/shards.rs",
        ],
        missing: "The help texts are compared by no test.",
    },
];
