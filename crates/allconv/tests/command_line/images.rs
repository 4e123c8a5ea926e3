//! Wrong inputs of `data import`, each with the file or field, the value and the fix that its message must name.

use std::io::Cursor;
use std::path::Path;

use image::{ExtendedColorType, ImageFormat};

use crate::tiny_study::output;

pub(crate) fn encoded(format: ImageFormat, colour: ExtendedColorType, width: u32, value: u8) -> Vec<u8> {
    let pixels = vec![value; 4 * width as usize * usize::from(colour.channel_count())];
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, &pixels, width, 4, colour, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(value: u8) -> Vec<u8> {
    encoded(ImageFormat::Png, ExtendedColorType::Rgb8, 4, value)
}

fn map(value: u8) -> Vec<u8> {
    encoded(ImageFormat::Png, ExtendedColorType::L8, 4, value)
}

pub(crate) type Files = Vec<(&'static str, Vec<u8>)>;

/// Two classes, two splits.
pub(crate) fn pets() -> Files {
    vec![
        ("train/cat/1.png", png(1)),
        ("train/dog/1.png", png(2)),
        ("test/cat/1.png", png(3)),
        ("test/dog/1.png", png(4)),
    ]
}

fn with(path: &'static str, bytes: Vec<u8>) -> Files {
    let mut files = pets();
    files.push((path, bytes));
    files
}

/// Pictures with label maps of two values.
fn cells() -> Files {
    vec![("image/1.png", map(9)), ("label/1.png", map(0)), ("image/2.png", map(8)), ("label/2.png", map(255))]
}

fn cells_with(path: &'static str, bytes: Vec<u8>) -> Files {
    let mut files = cells();
    files.push((path, bytes));
    files
}

/// A wrong input: the files of the source, further arguments, and what the message must hold.
pub(crate) type Case = (Files, &'static [&'static str], &'static [&'static str]);

fn write(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

pub(crate) fn assert_refused(number: usize, (files, more, told): &Case) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("source")).unwrap();
    write(&folder.path().join("source"), files);
    let usual = ["data", "import", "source", "--name", "set"];
    let arguments: Vec<&str> = match more.first() {
        Some(first) if *first == "data" => more.to_vec(),
        _ => usual.iter().chain(*more).copied().collect(),
    };
    let refused = output(folder.path(), &arguments);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(65), "case {number}, {arguments:?}: {message}");
    for part in *told {
        assert!(message.contains(part), "case {number}: `{part}` is not in: {message}");
    }
    let imported = folder.path().join("data/imported");
    let left = std::fs::read_dir(imported).map_or(0, Iterator::count);
    assert_eq!(left, 0, "case {number} left something behind");
}

#[test]
fn sources_that_do_not_fit_a_layout_are_refused() {
    let table = |text: &str| with("labels.csv", text.as_bytes().to_vec());
    const TABLE: [&str; 2] = ["--table", "source/labels.csv"];
    let cases: Vec<Case> = vec![
        (vec![], &[], &["source", "no image among 0 files", "--help"]),
        (vec![("notes.txt", b"x".to_vec())], &[], &["no image among 1 files"]),
        (
            pets(),
            &["data", "import", "absent", "--name", "set"],
            &["absent", "found nothing", "check the path"],
        ),
        (
            vec![("notes", b"just text".to_vec())],
            &["data", "import", "source/notes", "--name", "set"],
            &["source/notes", "just tex", ".zip archive", "pack the images"],
        ),
        (
            vec![("cat/1.png", png(1)), ("dog/1.png", png(2))],
            &[],
            &["source", "2 images at CLASS/FILE", "--test-share 0.2"],
        ),
        (
            vec![("train/cat/1.png", png(1)), ("train/dog/1.png", png(2))],
            &[],
            &["source!test", "at least one image"],
        ),
        (
            vec![("test/cat/1.png", png(1)), ("val/cat/1.png", png(2))],
            &[],
            &["/cat", "add training images of it"],
        ),
        (
            with("test/horse/1.png", png(9)),
            &[],
            &["test/horse", "without any there", "add training images of it"],
        ),
        (
            vec![("train/cat/1.png", png(1)), ("test/cat/1.png", png(2))],
            &[],
            &["\"cat\" alone", "at least two classes", "add the images of another class"],
        ),
        (
            vec![("a/train/cat/1.png", png(1)), ("b/train/dog/1.png", png(2))],
            &[],
            &["b/train/dog/1.png", "\"b\" around this file", "the same depth"],
        ),
        (pets(), &["--select", "a[b"], &["select = \"a[b\"", "*_HR.png"]),
        (pets(), &["--select", "*.jpg"], &["no image among 4 files"]),
        (pets(), &["--test-share", "1.5"], &["test-share = 1.5", "above 0 and below 1", "0.2"]),
        (
            vec![("cat/1.png", png(1)), ("cat/2.png", png(3)), ("dog/1.png", png(2))],
            &["--test-share", "0.5"],
            &["source!dog", "1 images, 1 of them for testing", "lower --test-share"],
        ),
        (table("name,number\n1,2\n"), &TABLE, &["labels.csv, line 1", "\"name,number\"", "file and label"]),
        (table("file,label\n"), &TABLE, &["labels.csv", "neither", "--test-share 0.2"]),
        (
            table("file,label,split\ntrain/cat/1.png,cat,train\nx.png,dog,test\n"),
            &TABLE,
            &["labels.csv, line 3", "no image \"x.png\"", "paths begin inside the source"],
        ),
        (
            table("file,label,split\ntrain/cat/1.png,cat,dev\n"),
            &TABLE,
            &["line 2", "\"dev\"", "train, val or test"],
        ),
        (
            table("file,label,split\ntrain/cat/1.png,,train\n"),
            &TABLE,
            &["line 2", "empty field", "correct the table"],
        ),
        (
            table("file,label,split\na.png,cat,train\na.png,dog,test\n"),
            &TABLE,
            &["line 3", "a.png, as in line 2", "correct the table"],
        ),
        (
            table("file,label,split\ntrain/cat/1.png,cat,train\n"),
            &["--table", "source/labels.csv", "--test-share", "0.5"],
            &["labels.csv", "both", "leave one of them out"],
        ),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}

#[test]
fn many_images_that_fit_no_layout_end_the_import() {
    let mut files = pets();
    const PATHS: [&str; 10] = [
        "train/a/cat/0.png",
        "train/a/cat/1.png",
        "train/a/cat/2.png",
        "train/a/cat/3.png",
        "train/a/cat/4.png",
        "train/a/cat/5.png",
        "train/a/cat/6.png",
        "train/a/cat/7.png",
        "train/a/cat/8.png",
        "train/a/cat/9.png",
    ];
    files.extend(PATHS.map(|path| (path, png(7))));
    assert_refused(
        0,
        &(files, &[], &["source", "10 that do not beside 4 that do", "train/a/cat", "--select"]),
    );
}

#[test]
fn files_that_are_no_whole_images_are_refused() {
    let jpeg = encoded(ImageFormat::Jpeg, ExtendedColorType::Rgb8, 40, 90);
    let webp = encoded(ImageFormat::WebP, ExtendedColorType::Rgb8, 40, 90);
    let bmp = encoded(ImageFormat::Bmp, ExtendedColorType::Rgb8, 40, 90);
    let transparent = encoded(ImageFormat::Png, ExtendedColorType::Rgba8, 4, 77);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let mut huge = png(1);
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut wrong_sum = png(1);
    let last = wrong_sum.len() - 13;
    wrong_sum[last] ^= 1;
    const PATH: &str = "train/cat/9.png";
    const FIX: &str = "replace or remove this file";
    let cases: Vec<Case> = vec![
        (with(PATH, b"garbage".to_vec()), &[], &[PATH, "begin with \"garbage\"", FIX]),
        (with(PATH, vec![]), &[], &[PATH, "an empty file", FIX]),
        (with(PATH, half(&png(1))), &[], &[PATH, FIX]),
        (with(PATH, half(&jpeg)), &[], &[PATH, "JPEG", FIX]),
        (with(PATH, half(&webp)), &[], &[PATH, "a WebP image that cannot be decoded", FIX]),
        (with(PATH, half(&bmp)), &[], &[PATH, "a Bmp image that cannot be decoded", FIX]),
        (with(PATH, b"GIF89a\x01\x00\x01\x00".to_vec()), &[], &[PATH, "a Gif image", FIX]),
        (with(PATH, huge), &[], &[PATH, FIX]),
        (with(PATH, wrong_sum), &[], &[PATH, FIX]),
        (with(PATH, transparent), &[], &[PATH, "alpha 77 at row 0, column 0", "--background white"]),
        (pets(), &["--background", "whit"], &["background = \"whit\"", "#ff8000"]),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}

#[test]
fn names_and_archives_that_cannot_be_used_are_refused() {
    let fixture = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/tests/fixtures").join(name))
            .unwrap()
    };
    let zip = fixture("pets.zip");
    let archive = |bytes: Vec<u8>| vec![("a.zip", bytes)];
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_path("train/cat/1.png").unwrap();
    header.set_size(png(1).len() as u64);
    header.set_cksum();
    tar.append(&header, png(1).as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    const ARCHIVE: [&str; 5] = ["data", "import", "source/a.zip", "--name", "set"];
    let mut flipped = zip.clone();
    let place = zip.windows(4).position(|bytes| bytes == b"IDAT").unwrap() + 6;
    flipped[place] ^= 1;
    let cases: Vec<Case> = vec![
        (
            pets(),
            &["data", "import", "source", "--name", "Pets"],
            &["name = \"Pets\"", "a-z", "another name"],
        ),
        (pets(), &["data", "import", "source", "--name", "cifar10"], &["built-in", "another name"]),
        (archive(zip[..zip.len() / 2].to_vec()), &ARCHIVE, &["a.zip", "cut off", "pack it again"]),
        (
            archive(fixture("encrypted.zip")),
            &ARCHIVE,
            &["a.zip!pets/", "an encrypted one", "pack the images again"],
        ),
        (archive(flipped), &ARCHIVE, &["a.zip!pets/train/cat/1.png", "checksum", "pack the images again"]),
        (archive(tar[..700].to_vec()), &ARCHIVE, &["a.zip", "a whole archive"]),
        (
            with("train/cat/\u{202e}gnp.png", png(1)),
            &[],
            &["a plain name", "\\u{202e}", "remove it from the folder"],
        ),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}

#[test]
fn formats_that_are_not_read_are_named() {
    const TIFFS: [&str; 10] = [
        "train/cat/0.tif",
        "train/cat/1.tif",
        "train/cat/2.tif",
        "train/cat/3.tif",
        "train/cat/4.tif",
        "train/cat/5.tif",
        "train/cat/6.tif",
        "train/cat/7.tiff",
        "train/cat/8.gif",
        "train/cat/9.TIF",
    ];
    let tiffs: Files = TIFFS.map(|path| (path, b"II*\0".to_vec())).to_vec();
    let cases: Vec<Case> = vec![
        (
            [pets(), tiffs.clone()].concat(),
            &[],
            &["source", "1 .gif, 8 .tif, 1 .tiff beside 4 in these", "convert them, e.g. to PNG"],
        ),
        (tiffs[..1].to_vec(), &[], &["no image among 1 files (1 .tif, which are not read)", "e.g. to PNG"]),
        (with("train/cat/9.png", b"II*\0".to_vec()), &[], &["train/cat/9.png", "a Tiff image"]),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}

#[test]
fn pictures_and_label_maps_that_do_not_fit_together_are_refused() {
    const LAYOUT: [&str; 2] = ["--layout", "segmentation"];
    const LABELS: [&str; 4] = ["--layout", "segmentation", "--labels", "cell=0,wall=255"];
    let jpeg = encoded(ImageFormat::Jpeg, ExtendedColorType::L8, 4, 0);
    let wide = encoded(ImageFormat::Png, ExtendedColorType::L8, 5, 0);
    let cases: Vec<Case> = vec![
        (cells_with("label/3.png", map(0)), &LAYOUT, &["label/3.png", "a picture \"3\"", "remove this file"]),
        (
            cells_with("image/3.png", map(0)),
            &LAYOUT,
            &["image/3.png", "a label map \"3\"", "add the label map"],
        ),
        (
            [cells_with("image/3.png", map(0)), vec![("label/3.png", wide)]].concat(),
            &LAYOUT,
            &["label/3.png", "4×4 pixels", "5×4", "label every pixel"],
        ),
        (
            [cells_with("image/3.png", map(0)), vec![("label/3.png", jpeg)]].concat(),
            &LAYOUT,
            &["label/3.png", "a JPEG", "as PNG"],
        ),
        (
            [cells_with("image/3.png", map(0)), vec![("label/3.png", map(7))]].concat(),
            &LABELS,
            &["label/3.png", "7 at row 0, column 0", "cell=0, wall=255", "--labels"],
        ),
        (
            vec![("image/1.png", map(1)), ("label/1.png", map(0))],
            &LAYOUT,
            &["0 alone", "name all classes with --labels"],
        ),
        (
            cells(),
            &["--layout", "segmentation", "--labels", "cell=0"],
            &["labels = \"cell=0\"", "two classes"],
        ),
        (cells(), &["--layout", "segmentation", "--labels", "cell=0,wall=300"], &["300", "0 to 255"]),
        (
            cells(),
            &["--layout", "segmentation", "--labels", "cell=0,wall=255", "--ignore", "255"],
            &["ignore = 255", "the value of the class wall", "leave it out"],
        ),
        (
            cells(),
            &["--layout", "segmentation", "--labels", "cell=0,wall=1", "--ignore", "255"],
            &["label/2.png", "a pixel with a class", "leave this picture out"],
        ),
    ];
    cases.iter().enumerate().for_each(|(number, case)| assert_refused(number, case));
}
