//! Tar shards: those of the package webdataset (`fixtures/webdataset_shards.py`) open as data sets; every data set is packed into shards that
//! keep its content.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source;
use allconv_data::{
    Crops, DataDirectory, Dataset, DatasetOptions, Filter, ImportOptions, ShardOptions, Storage, TestShare,
    View, find_shards, import, import_shards, open, pack_dataset, pack_files, verify,
};
use image::{ExtendedColorType, ImageFormat};

struct Place {
    folder: tempfile::TempDir,
    directory: DataDirectory,
}

impl Place {
    /// A folder with the shards of the fixture in it.
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shards = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webdataset.zip");
        source::walk(&shards, &EntryLimits::default(), &mut |entry| {
            fs::write(folder.path().join(entry.path), entry.bytes).expect("a shard");
            Ok(())
        })
        .expect("a whole fixture");
        let directory = DataDirectory::new(folder.path().join("data"));
        Place { folder, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shards(&self, pattern: &str) -> Vec<PathBuf> {
        find_shards(&self.path(pattern)).expect("a pattern").expect("shards")
    }
}

fn plain() -> DatasetOptions {
    DatasetOptions { validation: 0, ..DatasetOptions::default() }
}

fn viewed() -> DatasetOptions {
    DatasetOptions {
        view: Some(View { size: 6, resize: None, filter: Filter::Bilinear, crops: Crops::Centre }),
        ..plain()
    }
}

fn labels(images: &allconv_data::dataset::Images) -> Vec<u16> {
    (0..images.len()).map(|sample| images.label(sample).expect("a label")).collect()
}

#[test]
fn shards_of_another_program_open_where_they_lie() {
    let place = Place::new();
    let shards = place.shards("{train,test}-{000000..000001}.tar");
    let report = import_shards(&shards, "drawn", &place.directory, &ShardOptions::default()).expect("shards");
    assert_eq!((report.counts, report.size, report.already_present), ([12, 0, 8], None, false));
    assert_eq!((report.classes, report.left_out.files), (["0", "1", "2"].map(String::from).to_vec(), 20));
    assert_eq!(verify("drawn", &place.directory).expect("whole").content_hash, report.content_hash);
    let set = open("drawn", &place.directory, &viewed()).expect("a set");
    assert_eq!(labels(&set.train), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    assert_eq!(labels(&set.test), [2, 0, 1, 2, 0, 1, 2, 0]);
    // As the script draws: red is seven times the number of the picture.
    let whole = set.train.whole(4).expect("a picture");
    assert_eq!((whole.shape().height, whole.shape().width, whole.pixels()[0]), (8, 9, 28));

    let index: u64 = fs::read_dir(&report.path)
        .expect("a folder")
        .map(|entry| fs::symlink_metadata(entry.expect("an entry").path()).expect("a file"))
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum();
    assert!(index < 4096, "the images are not copied, but {index} bytes are written");
    let again = import_shards(&shards, "drawn", &place.directory, &ShardOptions::default()).expect("known");
    assert!(again.already_present);
    let fewer = import_shards(&shards[1..], "drawn", &place.directory, &ShardOptions::default());
    assert!(fewer.expect_err("another set").to_string().contains("another import under this name"));
}

#[test]
fn classes_are_named_by_a_file_beside_the_shards_or_a_field_of_each_sample() {
    let place = Place::new();
    fs::write(place.path("classes.txt"), "red\ngreen\nblue\nblack\n").expect("a file");
    let report = import_shards(
        &place.shards("{train,test}-*.tar"),
        "coloured",
        &place.directory,
        &ShardOptions::default(),
    )
    .expect("shards");
    assert_eq!(report.classes, ["red", "green", "blue", "black"]);
    fs::write(place.path("classes.txt"), "red\ngreen\n").expect("a file");
    let error =
        import_shards(&place.shards("{train,test}-*.tar"), "few", &place.directory, &ShardOptions::default());
    let error = error.expect_err("a class without a name").to_string();
    assert!(error.contains("classes.txt") && error.contains("2 names without \"2\""), "{error}");
    fs::remove_file(place.path("classes.txt")).expect("a file");

    let share = Some(TestShare { share: 0.2, seed: 3 });
    let options = ShardOptions { test_share: share, ..ShardOptions::default() };
    let named = import_shards(&[place.path("named.tar")], "named", &place.directory, &options).expect("one");
    assert_eq!((named.counts, named.size), ([8, 0, 2], Some([8, 8])));
    assert_eq!(named.classes, ["cat", "dog"]);
    let by_kind = ShardOptions { label_field: Some("kind".into()), ..options };
    let kinds = import_shards(&[place.path("named.tar")], "kinds", &place.directory, &by_kind).expect("one");
    assert_eq!(kinds.classes, ["0", "1"]);
    let wrong = ShardOptions { label_field: Some("caption2".into()), ..by_kind };
    let error = import_shards(&[place.path("named.tar")], "wrong", &place.directory, &wrong);
    let error = error.expect_err("no such field").to_string();
    assert!(error.contains("named.tar!photos/000.json") && error.contains("the fields caption"), "{error}");
}

#[test]
fn a_shard_that_is_gone_or_changed_is_named() {
    let place = Place::new();
    let shards = place.shards("{train,test}-*.tar");
    import_shards(&shards, "drawn", &place.directory, &ShardOptions::default()).expect("shards");
    let whole = fs::read(&shards[0]).expect("a shard");
    let mut changed = whole.clone();
    // The first image: behind the class, and the headers of both, three blocks each.
    changed[3584 + 60] ^= 1;
    fs::write(&shards[0], changed).expect("a shard");
    let error = verify("drawn", &place.directory).expect_err("another image").to_string();
    assert!(error.contains("000000-train-000000.tar, bytes 3584 to"), "{error}");
    fs::remove_file(&shards[0]).expect("a shard");
    let error = open("drawn", &place.directory, &viewed()).expect_err("gone").to_string();
    assert!(error.contains("train-000000.tar: expected the shard that was imported"), "{error}");
    fs::write(&shards[0], whole).expect("a shard");
    verify("drawn", &place.directory).expect("whole again");
}

fn png(size: [u32; 2], seed: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..size[0] * size[1] * 3).map(|place| (place * 11 % 251) as u8 ^ seed).collect();
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        &pixels,
        size[1],
        size[0],
        ExtendedColorType::Rgb8,
        ImageFormat::Png,
    )
    .expect("a PNG");
    bytes.into_inner()
}

/// Images of one size, or of several, in two splits and two classes.
fn folders(root: &Path, sizes: [u32; 2]) -> PathBuf {
    for (split, first) in [("train", 0u8), ("test", 100)] {
        for number in 0..8u8 {
            let folder = root.join(split).join(["cat", "dog"][usize::from(number % 2)]);
            fs::create_dir_all(&folder).expect("a folder");
            let size = [sizes[usize::from(number) / 4], 7];
            fs::write(folder.join(format!("{number}.png")), png(size, first + number)).expect("a file");
        }
    }
    root.to_path_buf()
}

/// Pixels and labels of every image.
fn content(set: &Dataset) -> Vec<(Vec<u8>, u16)> {
    let of = |images: &allconv_data::dataset::Images| -> Vec<(Vec<u8>, u16)> {
        let one = |sample| {
            (images.whole(sample).expect("an image").into_pixels(), images.label(sample).expect("a label"))
        };
        (0..images.len()).map(one).collect()
    };
    [of(&set.train), of(&set.test)].concat()
}

#[test]
fn a_packed_set_comes_back_with_its_content_also_when_it_was_shuffled() {
    let place = Place::new();
    let source = folders(&place.path("mixed"), [9, 12]);
    let report = import(&source, "mixed", &place.directory, &ImportOptions::default()).expect("images");
    for (number, shuffle) in [None, Some(1)].into_iter().enumerate() {
        let (target, name) = (place.path(&format!("out{number}")), format!("back{number}"));
        let header = pack_dataset("mixed", &place.directory, &target, shuffle).expect("packed");
        assert_eq!(header.content_hash, report.content_hash);
        let back = import_shards(
            &find_shards(&target).expect("a folder").expect("shards"),
            &name,
            &place.directory,
            &ShardOptions::default(),
        );
        assert_eq!(back.expect("shards").content_hash, report.content_hash);
        let [a, b] =
            ["mixed", name.as_str()].map(|name| open(name, &place.directory, &viewed()).expect("a set"));
        assert_eq!(content(&a), content(&b));
        let error = pack_dataset("mixed", &place.directory, &target, None).expect_err("the folder exists");
        assert!(error.to_string().contains("a folder that does not exist yet"), "{error}");
    }
    let [plain, shuffled] =
        ["out0", "out1"].map(|out| fs::read(place.path(out).join("train-000000.tar")).expect("a shard"));
    assert!(plain != shuffled && plain.len() == shuffled.len());
}

#[test]
fn images_of_one_size_are_packed_from_memory_from_a_folder_and_kept_encoded_on_request() {
    let place = Place::new();
    let source = folders(&place.path("equal"), [9, 9]);
    import(&source, "equal", &place.directory, &ImportOptions::default()).expect("images");
    let encoded = ImportOptions { storage: Storage::Encoded, ..ImportOptions::default() };
    let kept = import(&source, "kept", &place.directory, &encoded).expect("images");
    assert!(kept.path.is_dir());
    pack_dataset("equal", &place.directory, &place.path("a"), None).expect("packed");
    let from_folder = pack_files(&source, &place.path("b"), &ImportOptions::default()).expect("packed");
    assert_eq!(from_folder.content_hash, kept.content_hash);
    let sets = ["a", "b"].map(|name| {
        let shards = find_shards(&place.path(name)).expect("a folder").expect("shards");
        let report =
            import_shards(&shards, name, &place.directory, &ShardOptions::default()).expect("shards");
        assert_eq!((report.size, report.classes), (Some([9, 7]), vec!["cat".to_string(), "dog".to_string()]));
        content(&open(name, &place.directory, &plain()).expect("one size needs no view"))
    });
    let stored = content(&open("equal", &place.directory, &plain()).expect("a set"));
    assert!(sets[0] == stored && sets[1] == stored);
    assert_eq!(content(&open("kept", &place.directory, &plain()).expect("a set")), stored);
}

#[test]
fn more_shards_than_files_that_may_be_open_are_read() {
    let place = Place::new();
    let folder = place.path("many");
    fs::create_dir(&folder).expect("a folder");
    for number in 0..300u32 {
        let split = if number % 3 == 0 { "test" } else { "train" };
        let file = fs::File::create(folder.join(format!("{split}-{number:04}.tar"))).expect("a file");
        let mut shard = tar::Builder::new(file);
        for (name, bytes) in [
            (format!("{number}.png"), png([4, 4], (number % 251) as u8)),
            (format!("{number}.cls"), (number % 2).to_string().into_bytes()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            shard.append_data(&mut header, name, bytes.as_slice()).expect("an entry");
        }
        shard.finish().expect("a shard");
    }
    let shards = find_shards(&folder).expect("a folder").expect("shards");
    let report = import_shards(&shards, "many", &place.directory, &ShardOptions::default()).expect("shards");
    assert_eq!(report.counts, [200, 0, 100]);
    let set = open("many", &place.directory, &plain()).expect("a set");
    // The shards are in the order of their names: those with the numbers 1, 2, 4, … are for training.
    assert_eq!(set.train.whole(199).expect("the last shard").pixels()[0], (299u32 % 251) as u8);
}
