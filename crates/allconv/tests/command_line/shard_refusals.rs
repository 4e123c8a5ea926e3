//! Wrong tar shards, and wrong uses of `data pack`, with what their messages must name.

use image::{ExtendedColorType, ImageFormat};

use crate::images::{Case, Files, assert_refused, encoded, pets, png};

/// A tar of these files.
fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Two shards of one sample of each of two classes.
fn shards() -> Files {
    let shard = |first: u8| {
        tar_of(&[("1.png", &png(first)), ("1.cls", b"0"), ("2.png", &png(first + 1)), ("2.cls", b"1")])
    };
    vec![("train-0.tar", shard(1)), ("test-0.tar", shard(3))]
}

/// The shards with another one.
fn shards_with(path: &'static str, files: &[(&str, &[u8])]) -> Files {
    let mut shards = shards();
    shards.push((path, tar_of(files)));
    shards
}

#[test]
fn shards_that_are_no_data_set_are_refused() {
    const PATH: &str = "train-1.tar";
    let transparent = encoded(ImageFormat::Png, ExtendedColorType::Rgba8, 4, 77);
    let compressed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let cut = shards()[0].1[..1700].to_vec();
    let cases: Vec<Case> = vec![
        (
            shards_with(PATH, &[("3.png", &png(5))]),
            &[],
            &["source/train-1.tar!3", "its class, as 3.cls or in 3.json", "add the class"],
        ),
        (
            shards_with(PATH, &[("3.cls", b"1")]),
            &[],
            &["train-1.tar!3", "an image beside the class, 3.jpg", "add the image"],
        ),
        (
            shards_with(PATH, &[("3.png", &png(5)), ("3.jpg", &png(5)), ("3.cls", b"1")]),
            &[],
            &["train-1.tar!3.jpg", "one image in each sample", "3.png", "other names"],
        ),
        (
            shards_with(PATH, &[("3.png", &png(5)), ("3.cls", b"")]),
            &[],
            &["train-1.tar!3.cls", "printable", "its number or its name"],
        ),
        (
            shards_with(PATH, &[("3.png", &png(5)), ("3.json", b"{\"caption\": 1}")]),
            &[],
            &["train-1.tar!3.json", "label or class or cls", "the fields caption", "--label-field"],
        ),
        (
            shards_with(PATH, &[("3.png", &transparent), ("3.cls", b"1")]),
            &[],
            &["train-1.tar!3.png", "alpha 77 at row 0, column 0"],
        ),
        (
            shards_with(PATH, &[("3.png", b"garbage"), ("3.cls", b"1")]),
            &[],
            &["train-1.tar!3.png", "garbage", "replace or remove"],
        ),
        (
            shards_with("test-1.tar", &[("3.png", &png(5)), ("3.cls", b"2")]),
            &[],
            &["test images of class 2 without any there", "give training images"],
        ),
        (
            shards_with("more.tar", &[("3.png", &png(5)), ("3.cls", b"1")]),
            &[],
            &["a split in the name of every shard, or of none", "train-000000.tar"],
        ),
        (vec![("0.tar", shards()[0].1.clone())], &[], &["source/0.tar", "neither", "--test-share 0.2"]),
        (shards(), &["--test-share", "0.5"], &["both", "leave --test-share out"]),
        (vec![shards()[0].clone()], &[], &["shards of the split test", "--test-share 0.2"]),
        (vec![("train-0.tar", compressed)], &[], &["train-0.tar", "a plain .tar", "decompress it"]),
        (vec![("train-0.tar", cut), shards()[1].clone()], &[], &["train-0.tar", "a whole archive"]),
        (
            shards(),
            &["data", "import", "source/train-{0.tar", "--name", "set"],
            &["train-{0.tar", "without its end", "{0000..0011}"],
        ),
        (
            shards(),
            &["data", "import", "source/train-{b..a}.tar", "--name", "set"],
            &["{b..a}", "no range", "{0000..0011}"],
        ),
        (
            shards(),
            &["data", "import", "source/*-7.tar", "--name", "set"],
            &["source/*-7.tar", "no file is named"],
        ),
        (
            vec![("a/shard.tar", shards()[0].1.clone())],
            &["data", "import", "source/a/shard.tar", "--name", "set"],
            &["no image among 4 files", "--layout shards"],
        ),
        (pets(), &["data", "pack", "nowhere", "--out", "out"], &["no dataset named \"nowhere\""]),
        (
            pets(),
            &["data", "pack", "source", "--out", "source"],
            &["source: expected a folder that does not exist", "choose another"],
        ),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}
