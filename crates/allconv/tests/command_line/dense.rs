//! Dense tasks from import to prediction: whole, resumed, and refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use allconv_random::elementary::sin;
use image::{GrayImage, RgbImage};

use crate::tiny_study::{TinyStudy, allconv, output};

/// One run of a U-Net on drawn images: 12 epochs of 3 steps.
const SEGMENTATION: &str = r#"
question = "Is the same U-Net always the same?"
primary  = { metric = "mean_iou", split = "test", better = "higher" }
compare  = { baseline = "all_conv" }
seeds    = { from = 3, count = 1 }

[base.data]
dataset    = "synthetic"
synthetic  = { seed = 0, size = 24, train = 28, test = 5 }
validation = 4
task       = { segmentation = { patch = 16, patches = 2 } }

[base.net]
architecture = { u_net = { depth = 1, channels = 4 } }

[base.train]
preset = "dense"
epochs = 12

[arms.all_conv.net]
downsample = { pixel_unshuffle = { factor = 2, project = "1x1" } }
upsample   = { pixel_shuffle = { factor = 2 } }
"#;

/// Reads the files of a run of a dense task that must not depend on how it was made.
fn results(study: &TinyStudy) -> BTreeMap<&'static str, Vec<u8>> {
    let run = study.run_directory().expect("the run exists");
    let files = [
        "checkpoints/last/model.safetensors",
        "checkpoints/last/optimizer.safetensors",
        "checkpoints/last/state.json",
        "checkpoints/best/model.safetensors",
        "metrics.jsonl",
        "scores.json",
        "artefacts/index.json",
        "artefacts/test_00000-output.png",
        "spec.toml",
    ];
    files.into_iter().map(|name| (name, std::fs::read(run.join(name)).expect(name))).collect()
}

fn assert_same(first: &TinyStudy, second: &TinyStudy, what: &str) {
    for ((name, first), second) in results(first).iter().zip(results(second).values()) {
        assert!(first == second, "{name} differs {what}");
    }
}

#[test]
fn a_u_net_ends_with_the_same_bits_whatever_threads_workers_and_kills() {
    let undisturbed = TinyStudy::with(SEGMENTATION);
    undisturbed.finish(&["--threads", "1", "-j", "0"]);
    let parallel = TinyStudy::with(SEGMENTATION);
    parallel.finish(&["--threads", "3", "-j", "2"]);
    assert_same(&undisturbed, &parallel, "between one thread and three");
    let killed = TinyStudy::with(SEGMENTATION);
    let checkpoints = ["--checkpoint-seconds", "0"];
    let newest = || {
        let target = std::fs::read_link(killed.run_directory()?.join("checkpoints/last")).ok()?;
        target.to_str().map(str::to_owned)
    };
    let mut landed = 0;
    while landed < 4 {
        let before = newest();
        let mut child = killed.start(&checkpoints);
        let began = Instant::now();
        // Every process makes progress before it ends.
        while newest() == before && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint in a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        if !alive {
            break;
        }
        landed += 1;
    }
    assert!(landed >= 2, "{landed} kills found a live process");
    killed.finish(&checkpoints);
    assert_same(&undisturbed, &killed, "after kills");
}

#[test]
fn the_quickstart_of_u_nets_runs_small_and_its_networks_predict_any_size() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies/quickstart-unet.toml"));
    let small = text
        .unwrap()
        .replace("train = 500, test = 60", "train = 40, test = 4")
        .replace("epochs        = 24", "epochs        = 1")
        .replace("count = 3", "count = 1");
    let study = TinyStudy::with(&small);
    study.finish(&[]);
    let runs: Vec<_> =
        std::fs::read_dir(study.path().join("runs/tiny")).unwrap().map(|entry| entry.unwrap()).collect();
    let run = |arm: &str| {
        let of_arm = |entry: &&std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(arm);
        runs.iter().find(of_arm).expect(arm).path()
    };
    for arm in ["max_pool", "max_unpool", "pixel_unshuffle", "haar_wavelet"] {
        assert!(run(arm).join("artefacts/index.json").is_file(), "{arm}");
    }
    let shapes =
        RgbImage::from_fn(67, 45, |x, y| image::Rgb([(x * 3) as u8, (y * 5) as u8, ((x + y) % 256) as u8]));
    shapes.save(study.path().join("shapes.png")).unwrap();
    let run = run("max_unpool").display().to_string();
    let said = output(study.path(), &["predict", &run, "shapes.png", "--format", "csv"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("triangle"));
    let whole = image::open(study.path().join("predictions/shapes.png")).unwrap().to_rgb8();
    assert_eq!(whole.dimensions(), (67, 45));
    let said = output(study.path(), &["predict", &run, "shapes.png", "--tile", "32", "--out", "tiled"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let tiled = image::open(study.path().join("tiled/shapes.png")).unwrap().to_rgb8();
    // Rounding may move a pixel whose two largest values are equal but for it.
    let different = whole.pixels().zip(tiled.pixels()).filter(|(a, b)| a != b).count();
    assert!(different <= 3, "{different} pixels differ between tiles and the whole");
    let said = output(study.path(), &["eval", &run, "--split", "test", "--format", "csv"]);
    let table = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(table.contains("test_00003,boundary_f1") && table.contains("all,iou_background"), "{table}");
}

#[test]
fn super_resolution_goes_from_photographs_to_a_larger_image() {
    let folder = tempfile::tempdir().unwrap();
    let photographs = folder.path().join("photographs");
    std::fs::create_dir(&photographs).unwrap();
    for number in 0..6u32 {
        let wave = |x: u32, y: u32| (127.0 + 120.0 * sin(f64::from(x * (number + 2) + y * y % 17))) as u8;
        let picture = RgbImage::from_fn(40 + number, 37, |x, y| image::Rgb([wave(x, y), wave(y, x), 90]));
        picture.save(photographs.join(format!("{number}.png"))).unwrap();
    }
    let run = |arguments: &[&str]| {
        let said = allconv(folder.path()).args(arguments).output().unwrap();
        assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    run(&["data", "import", "photographs", "--name", "waves", "--layout", "photographs"]);
    assert!(run(&["data", "list"]).contains("6 photographs of any size"));
    let task = "{ super_resolution = { scale = 2, patch = 12, patches = 2 } }";
    let trained = run(&[
        "train",
        "--model",
        "sr_u_net",
        "--width",
        "0.1",
        "--dataset",
        "waves",
        "--fold",
        "{ index = 1, of = 3 }",
        "--validation",
        "1",
        "--task",
        task,
        "--epochs",
        "2",
        "--format",
        "json",
        "--progress",
        "none",
    ]);
    assert!(trained.contains("bicubic_psnr_y") && trained.contains("ssim_rgb"), "{trained}");
    let train = folder.path().join("runs/train");
    let directory = std::fs::read_dir(train).unwrap().next().unwrap().unwrap().path().display().to_string();
    run(&["predict", &directory, "photographs/3.png", "--out", "large"]);
    assert_eq!(image::open(folder.path().join("large/3.png")).unwrap().to_rgb8().dimensions(), (86, 74));
    let refused = |arguments: &[&str], words: &str, code: i32| {
        let said = output(folder.path(), arguments);
        let message = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(message.contains(words) && said.status.code() == Some(code), "{arguments:?}: {message}");
    };
    GrayImage::new(20, 20).save(folder.path().join("grey.png")).unwrap();
    run(&["predict", &directory, "grey.png", "--out", "grey"]);
    assert_eq!(image::open(folder.path().join("grey/grey.png")).unwrap().to_rgb8().dimensions(), (40, 40));
    RgbImage::new(2, 20).save(folder.path().join("thin.png")).unwrap();
    refused(&["predict", &directory, "thin.png"], "thin.png: expected at least 4×4 pixels", 65);
    std::fs::write(folder.path().join("text.png"), "no picture").unwrap();
    refused(&["predict", &directory, "text.png"], "text.png: expected a JPEG, PNG", 65);
    refused(
        &["predict", &directory, "photographs/3.png", "--out", "photographs"],
        "overwrite its own source",
        2,
    );
    refused(&["predict", &directory, "photographs/3.png", "--tile", "7"], "use a multiple of 4", 2);
}

#[test]
fn several_sets_are_tested_on_and_each_has_its_metrics() {
    let folder = tempfile::tempdir().unwrap();
    for (set, first, count) in [("trained", 0u8, 4u32), ("near", 40, 1), ("far", 80, 2)] {
        let pictures = folder.path().join(set);
        std::fs::create_dir(&pictures).unwrap();
        for number in 0..count {
            let picture =
                RgbImage::from_fn(24, 24, |x, y| image::Rgb([first, (9 * x * y) as u8, (x + number) as u8]));
            picture.save(pictures.join(format!("{number}.png"))).unwrap();
        }
        let imported =
            output(folder.path(), &["data", "import", set, "--name", set, "--layout", "photographs"]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    }
    let train = |sets: &str| {
        let task = "{ super_resolution = { scale = 2, patch = 12, patches = 2 } }";
        let words = [
            "train",
            "--model",
            "sr_u_net",
            "--width",
            "0.1",
            "--dataset",
            "trained",
            "--validation",
            "1",
            "--task",
            task,
        ];
        let more = ["--epochs", "1", "--format", "json", "--progress", "none", "--test-dataset", sets];
        output(folder.path(), &[&words[..], &more[..]].concat())
    };
    let values = |sets: &str| -> serde_json::Value { serde_json::from_slice(&train(sets).stdout).unwrap() };
    let (both, turned) = (values("near,far").to_string(), values("far,near").to_string());
    for name in ["psnr_y_far", "loss_far", "bicubic_psnr_y_far"] {
        assert!(both.contains(&format!("\"{name}\"")), "{both}");
    }
    assert!(turned.contains("\"ssim_rgb_near\"") && !turned.contains("_far"), "{turned}");
    let said = train("near,near");
    assert!(String::from_utf8_lossy(&said.stderr).contains("names \"near\" twice"), "{said:?}");
}

#[test]
fn what_does_not_fit_the_task_is_refused_before_any_training() {
    let check = |from: &str, to: &str, words: &[&str]| {
        assert!(SEGMENTATION.contains(from), "{from}");
        let study = TinyStudy::with(&SEGMENTATION.replacen(from, to, 1));
        let said = output(study.path(), &["study", "check", "tiny.toml"]);
        let message = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.status.success(), "{to} was accepted");
        words.iter().for_each(|word| assert!(message.contains(word), "{to}: {message}"));
    };
    check("patch = 16", "patch = 25", &["picture train_000", "at least 25×25"]);
    check("validation = 4", "validation = 28", &["validation = 28"]);
    check("validation = 4", "validation = 4\nfold = { of = 3 }", &["its own test pictures"]);
    let enlarging = "super_resolution = { scale = 2, patch = 12,";
    check("segmentation = { patch = 16,", enlarging, &["enlarges 1 times", "2 times"]);
    check("task       = { segmentation = { patch = 16, patches = 2 } }", "", &["returns a map"]);
    check("u_net = { depth = 1, channels = 4 }", "springenberg = { base = \"c\" }", &["needs a map"]);
    check("preset = \"dense\"", "preset = \"dense\"\nloss = \"l1\"", &["loss", "cross_entropy_dice"]);
    check("preset = \"dense\"", "preset = \"dense\"\nmomentum = 0.9", &["momentum", "belongs to SGD"]);
    check("upsample   = { pixel_shuffle", "upsample   = { max_unpool = {} }\n#", &["cannot be paired"]);
}

#[test]
fn broken_pairs_of_images_and_label_maps_exit_65_with_the_file_s_name() {
    let folder = tempfile::tempdir().unwrap();
    let import = |files: &[(&str, GrayImage)], further: &[&str]| {
        let source = folder.path().join("cells");
        let _ = std::fs::remove_dir_all(&source);
        for (path, picture) in files {
            let path: &Path = &source.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            picture.save(path).unwrap();
        }
        let arguments =
            [&["data", "import", "cells", "--name", "cells", "--layout", "segmentation"], further].concat();
        let said = output(folder.path(), &arguments);
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let blank = GrayImage::new(8, 6);
    let pair = |map: GrayImage| [("image/4.png", blank.clone()), ("label/4.png", map)];
    let (code, message) = import(&pair(GrayImage::new(6, 8)), &[]);
    assert!(code == Some(65) && message.contains("label/4.png: expected 8×6 pixels"), "{message}");
    let (code, message) =
        import(&pair(GrayImage::from_pixel(8, 6, image::Luma([7]))), &["--labels", "a=0,b=255"]);
    assert!(
        code == Some(65) && message.contains("label/4.png") && message.contains("7 at row 0"),
        "{message}"
    );
    let (code, message) = import(&pair(blank.clone()), &["--labels", "a=0,b=999"]);
    assert!(code == Some(65) && message.contains("no grey value from 0 to 255"), "{message}");
}

/// Runs the page's commands with little training.
#[test]
fn every_command_of_the_page_on_dense_tasks_works_in_order() {
    let folder = tempfile::tempdir().unwrap();
    draw_what_the_page_names(folder.path());
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dense-tasks.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in commands {
        let mut command = command.to_owned();
        if command.starts_with("allconv train") {
            let epochs = command.rfind(" --epochs ").expect("a length");
            command.truncate(epochs);
            command.push_str(" --presentations 16 --batch-size 8 --progress none");
        }
        // As typed, by the shell, which finds the built program first.
        let binary = Path::new(env!("CARGO_BIN_EXE_allconv")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.path()).env("PATH", path).env_remove("ALLCONV_DATA");
        let said = shell.output().unwrap();
        assert!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
    }
    let enlarged = image::open(folder.path().join("enlarged/photograph.png")).unwrap();
    assert_eq!((enlarged.width(), enlarged.height()), (100, 80));
    assert!(folder.path().join("segmented/0.png").is_file());
}

/// Draws small files under the names of the page's data sets.
fn draw_what_the_page_names(folder: &Path) {
    let save = |path: String, picture: image::DynamicImage| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    };
    let photograph = |width, height, seed: u32| {
        let value = |x: u32, y: u32| (x * (seed + 3) + y * y + x * y / 7) as u8;
        RgbImage::from_fn(width, height, |x, y| image::Rgb([value(x, y), value(y, x), value(x + y, 3)]))
            .into()
    };
    for number in 0..12 {
        save(format!("bsds500-train/{number}.png"), photograph(80 + number, 70, number));
    }
    for number in 1..3 {
        save(format!("Set5/x2/img_{number:03}_SRF_2_HR.png"), photograph(48, 40, number));
        save(format!("Set5/x2/img_{number:03}_SRF_2_LR.png"), photograph(24, 20, number));
    }
    save("photograph.png".to_owned(), photograph(50, 40, 9));
    for number in 0..10u32 {
        let inside = |x: u32, y: u32| (x / 9 + y / (7 + number)).is_multiple_of(2);
        let map = GrayImage::from_fn(100, 100, |x, y| image::Luma([if inside(x, y) { 255 } else { 0 }]));
        let grey = GrayImage::from_fn(100, 100, |x, y| image::Luma([if inside(x, y) { 150 } else { 90 }]));
        save(format!("isbi2012/image/{number}.png"), grey.into());
        save(format!("isbi2012/label/{number}.png"), map.into());
    }
}
