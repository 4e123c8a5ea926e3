//! Image folders and archives: what is read of them.

mod refusals;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use allconv_data::download::catalogue::image_archives;
use allconv_data::import::entry::EntryLimits;
use allconv_data::{
    DataDirectory, DataError, DatasetOptions, HashCheck, Images, ImportOptions, ImportReport, Split, import,
    open, verify,
};
use image::{ExtendedColorType, ImageFormat};
use tar::EntryType;

/// Returns an image of 4×3 pixels in one colour.
fn picture(format: ImageFormat, color: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, &color.repeat(12), 4, 3, ExtendedColorType::Rgb8, format)
        .expect("an image");
    bytes.into_inner()
}

fn png(red: u8) -> Vec<u8> {
    picture(ImageFormat::Png, [red, 10, 20])
}

/// Returns a small, valid data set: two classes, three splits, both formats, extensions in any case.
fn pets() -> Vec<(String, Vec<u8>)> {
    vec![
        ("pets/README.md".to_string(), b"about".to_vec()),
        ("pets/train/cat/1.png".to_string(), png(1)),
        ("pets/train/cat/2.PNG".to_string(), png(2)),
        ("pets/train/dog/1.JPEG".to_string(), picture(ImageFormat::Jpeg, [90; 3])),
        // A PNG under a JPEG's name: the content counts.
        ("pets/train/dog/2.jpg".to_string(), png(4)),
        ("pets/val/dog/1.png".to_string(), png(5)),
        ("pets/test/cat/1.png".to_string(), png(6)),
        ("pets/test/dog/.hidden.png".to_string(), b"not an image".to_vec()),
    ]
}

fn write_folder(root: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// Appends a tar entry whose path is written unchanged.
fn append(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &[u8], bytes: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("/etc/passwd").expect("a short name");
    }
    header.set_cksum();
    builder.append(&header, bytes).expect("an entry");
}

fn tar_of(files: &[(String, Vec<u8>)]) -> tar::Builder<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        append(&mut builder, EntryType::Regular, path.as_bytes(), bytes);
    }
    builder
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("valid options");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

struct Place {
    outer: tempfile::TempDir,
    directory: DataDirectory,
}

impl Place {
    fn new() -> Place {
        let outer = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(outer.path().join("data"));
        Place { outer, directory }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.outer.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn import_bytes(&self, bytes: &[u8], limits: &EntryLimits) -> Result<ImportReport, DataError> {
        let options = ImportOptions { limits: *limits, ..ImportOptions::default() };
        import(&self.file("set.tar", bytes), "pets", &self.directory, &options)
    }

    /// The import must fail as bad data, name the problem, and leave nothing behind.
    fn assert_refused(&self, bytes: &[u8], limits: &EntryLimits, expected: &str) {
        let error = self.import_bytes(bytes, limits).expect_err(expected);
        assert!(!error.is_io() && error.to_string().contains(expected), "wanted \"{expected}\": {error}");
        assert!(!self.directory.root().exists(), "{expected}: nothing may be written");
        assert_eq!(
            fs::read_dir(self.outer.path()).expect("a folder").count(),
            1,
            "{expected}: one archive alone"
        );
    }
}

#[test]
fn a_folder_and_every_kind_of_archive_give_the_same_dataset() {
    let place = Place::new();
    write_folder(&place.outer.path().join("folder"), &pets());
    let stripped: Vec<_> =
        pets().into_iter().map(|(path, bytes)| (path.replace("pets/", "./"), bytes)).collect();
    let tar = tar_of(&pets()).into_inner().expect("a tar");
    let sources = [
        place.outer.path().join("folder"),
        place.outer.path().join("folder/pets"),
        place.file("a.tar", &tar),
        place.file("b.tar", &tar_of(&stripped).into_inner().expect("a tar")),
        place.file("c.tar.gz", &gzip(&tar)),
        place.file("d.tar.xz", &xz(&tar)),
    ];
    let mut hashes = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let name = format!("pets_{number}");
        let report =
            import(source, &name, &place.directory, &ImportOptions::default()).expect("a valid source");
        assert_eq!((report.left_out.files, report.already_present), (2, false), "{}", source.display());
        assert!(report.left_out.examples.iter().any(|path| path.ends_with("README.md")));
        let options = DatasetOptions { validation: 0, ..DatasetOptions::default() };
        let dataset = open(&name, &place.directory, &options).expect("an imported set");
        assert_eq!(dataset.classes, ["cat", "dog"]);
        assert_eq!((dataset.height, dataset.width, dataset.channels), (3, 4, 3));
        assert_eq!(dataset.train.stored().expect("in memory").labels(), [0, 0, 1, 1]);
        assert_eq!(dataset.train.read(1).expect("in memory")[..3], [2, 10, 20]);
        assert_eq!(*dataset.train.read(2).expect("in memory"), [90; 36]);
        let validation = dataset.validation.expect("the folder val");
        let only = |images: &Images| {
            let pixel = images.read(0).expect("in memory")[0];
            (images.len(), images.label(0).expect("in memory"), pixel)
        };
        assert_eq!(only(&validation), (1, 1, 5));
        assert_eq!(only(&dataset.test), (1, 0, 6));
        hashes.push(dataset.content_hash);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "{hashes:?}");
}

#[test]
fn the_same_content_is_recognised_and_other_content_needs_another_name() {
    let place = Place::new();
    let tar = place.file("a.tar", &tar_of(&pets()).into_inner().expect("a tar"));
    let first = import(&tar, "pets", &place.directory, &ImportOptions::default()).expect("a valid archive");
    let again = import(&tar, "pets", &place.directory, &ImportOptions::default()).expect("the same archive");
    assert!(!first.already_present && again.already_present);
    assert_eq!(first.content_hash, again.content_hash);
    let mut other = pets();
    other[1].1 = png(200);
    let other = place.file("b.tar", &tar_of(&other).into_inner().expect("a tar"));
    let message = import(&other, "pets", &place.directory, &ImportOptions::default())
        .expect_err("a taken name")
        .to_string();
    assert!(message.contains("choose another name"), "{message}");
    assert!(
        import(&tar, "cifar10", &place.directory, &ImportOptions::default()).is_err(),
        "a copy never takes the original's name"
    );
}

#[test]
fn verifying_an_import_reads_all_of_it() {
    let place = Place::new();
    let tar = place.file("a.tar", &tar_of(&pets()).into_inner().expect("a tar"));
    let pack =
        import(&tar, "pets", &place.directory, &ImportOptions::default()).expect("a valid archive").path;
    let report = verify("pets", &place.directory).expect("a whole pack");
    assert_eq!((report.train, report.validation, report.test), (4, Some(1), 1));
    assert_eq!(report.hashes, HashCheck::Recorded);
    let mut bytes = fs::read(&pack).expect("a pack");
    *bytes.last_mut().expect("pixels") ^= 1;
    fs::write(&pack, bytes).expect("a flipped bit");
    let message = verify("pets", &place.directory).expect_err("a flipped bit").to_string();
    assert!(message.contains("pets.pack") && message.contains("content hash"), "{message}");
    assert_eq!(verify("synthetic", &place.directory).expect("drawn").hashes, HashCheck::Drawn);
    assert!(verify("petz", &place.directory).expect_err("unknown").to_string().contains("\"pets\""));
}

#[test]
fn its_own_validation_split_excludes_holding_out() {
    let place = Place::new();
    let tar = place.file("a.tar", &tar_of(&pets()).into_inner().expect("a tar"));
    import(&tar, "pets", &place.directory, &ImportOptions::default()).expect("a valid archive");
    let options = DatasetOptions { validation: 2, ..DatasetOptions::default() };
    let message = open("pets", &place.directory, &options).expect_err("two validation splits").to_string();
    assert!(message.contains("validation = 2") && message.contains("validation = 0"), "{message}");
}

#[test]
fn names_and_descriptions_of_entries_are_read_up_to_a_mebibyte() {
    let long = "n".repeat(200);
    let name = format!("pets/train/cat/{long}.png");
    let described = |kind, description: &[u8]| {
        let mut builder = tar_of(&pets());
        append(&mut builder, kind, b"description", description);
        append(&mut builder, EntryType::Regular, b"pets/train/cat/9.png", &png(9));
        builder.into_inner().expect("a tar")
    };
    let record = |value: &str| {
        // The length counts itself.
        let length = value.len() + 1;
        let digits = if length + 3 > 99 { 3 } else { 2 };
        format!("{} {value}\n", length + 1 + digits)
    };
    let gnu = described(EntryType::GNULongName, format!("{name}\0").as_bytes());
    let pax = described(EntryType::XHeader, record(&format!("path={name}")).as_bytes());
    for bytes in [gnu, pax] {
        let place = Place::new();
        let report = place.import_bytes(&bytes, &EntryLimits::default()).expect("a long name");
        assert_eq!(report.counts[0], 5);
    }
    let size = record(&format!("size={}", png(9).len()));
    Place::new()
        .import_bytes(&described(EntryType::XHeader, size.as_bytes()), &EntryLimits::default())
        .expect("the same size twice");
    let huge = vec![b'n'; (1 << 20) + 1];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader]
    {
        let expected = "at most 1048576 bytes, found one of 1048577 bytes";
        Place::new().assert_refused(&described(kind, &huge), &EntryLimits::default(), expected);
    }
}

#[test]
fn images_in_two_splits_and_images_left_out_are_told() {
    let place = Place::new();
    let mut files = pets();
    files.push(("pets/test/dog/copy.png".to_string(), png(1)));
    files.push(("pets/test/cat/copy.png".to_string(), png(2)));
    files.push(("pets/spare/cat/1.png".to_string(), png(50)));
    files.push(("pets/train/@eaDir/1.png".to_string(), png(60)));
    let bytes = tar_of(&files).into_inner().expect("a tar");
    let report = place.import_bytes(&bytes, &EntryLimits::default()).expect("a valid archive");
    let [shared] = report.shared.as_slice() else { panic!("{:?}", report.shared) };
    assert_eq!((shared.count, shared.labelled_otherwise), (2, 1));
    assert_eq!(shared.first, ["test/cat/copy.png", "train/cat/2.PNG"]);
    assert_eq!(report.left_out.files, 4);
    assert_eq!(report.left_out.images.iter().collect::<Vec<_>>(), [(&"pets/spare/cat".to_string(), &1)]);
    assert_eq!(report.classes, ["cat", "dog"]);
}

/// The split of images in memory.
fn stored(images: &Images) -> &Split {
    images.stored().expect("in memory")
}

#[test]
fn the_jpeg_copy_of_cifar10_is_whole_and_balanced() {
    let Some(data) = std::env::var_os("ALLCONV_TEST_DATA") else {
        println!("not run: ALLCONV_TEST_DATA does not name the folder with cifar10-jpeg.tar.xz");
        return;
    };
    let place = Place::new();
    let source = PathBuf::from(data).join("cifar10-jpeg.tar.xz");
    import(&source, "cifar10_jpeg", &place.directory, &ImportOptions::default())
        .expect("the published archive");
    let dataset =
        open("cifar10_jpeg", &place.directory, &DatasetOptions::default()).expect("an imported set");
    assert_eq!(dataset.content_hash, image_archives()[0].content_hash, "what `fetch` expects");
    assert_eq!(dataset.classes[0], "airplane");
    assert_eq!((dataset.height, dataset.width, dataset.channels), (32, 32, 3));
    assert_eq!(stored(&dataset.train).class_counts(10), [4500; 10]);
    assert_eq!(dataset.validation.map(|images| stored(&images).class_counts(10)), Some(vec![500; 10]));
    assert_eq!(stored(&dataset.test).class_counts(10), [1000; 10]);
    // Decoded with another JPEG library, the training images' means are 125.3, 123.0 and 113.9 grey levels.
    let mut sums = [0u64; 3];
    for pixel in stored(&dataset.train).pixels().chunks_exact(3) {
        sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
    }
    let means = sums.map(|sum| sum as f64 / (dataset.train.len() * 1024) as f64);
    for (mean, expected) in means.iter().zip([125.3, 123.0, 113.9]) {
        assert!((mean - expected).abs() < 0.5, "{means:?}");
    }
}
