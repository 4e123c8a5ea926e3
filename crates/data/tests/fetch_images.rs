//! Archives of image folders from a local server: known by the content of their images.

use std::fs;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use allconv_data::download::RetryLimits;
use allconv_data::download::catalogue::ImageArchive;
use allconv_data::download::fetch::fetch_images;
use allconv_data::{DataDirectory, DataError, DatasetOptions, FetchReport, ImportOptions, import, open};
use image::{ExtendedColorType, ImageFormat};

const LIMITS: RetryLimits =
    RetryLimits { stall: Duration::from_millis(300), fruitless_attempts: 1, pause: Duration::from_millis(1) };

fn png(red: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let pixels = [red, 10, 20].repeat(12);
    image::write_buffer_with_format(&mut bytes, &pixels, 4, 3, ExtendedColorType::Rgb8, ImageFormat::Png)
        .expect("an image");
    bytes.into_inner()
}

/// A gzipped tar of four images; another level packs the same images in other bytes.
fn packed(first: u8, level: u32) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    let mut builder = tar::Builder::new(encoder);
    let files = ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"];
    for (file, red) in files.into_iter().zip(first..) {
        let bytes = png(red);
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("pets-1a2b/{file}"), bytes.as_slice()).expect("an entry");
    }
    builder.into_inner().expect("a tar").finish().expect("a gzip stream")
}

/// The hash of the images' content, by an import of a file.
fn content_hash(archive: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pets.tar.gz");
    fs::write(&file, archive).expect("a file");
    let directory = DataDirectory::new(folder.path());
    import(&file, "pets", &directory, &ImportOptions::default()).expect("images").content_hash
}

/// Answers one request with the bytes, and gives the address.
fn serve_once(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        let request = BufReader::new(connection.try_clone().expect("a second handle"));
        request.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
        let length = bytes.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&bytes)).expect("a client");
    });
    format!("http://{address}/revision.tar.gz")
}

/// Fetches into a folder what a server sends, where images of this content are expected.
fn fetched(sent: Vec<u8>, content_hash: &str, root: &Path) -> Result<FetchReport, DataError> {
    let url = serve_once(sent);
    let archive = ImageArchive { name: "pets".to_owned(), url, content_hash: content_hash.to_owned() };
    fetch_images(&archive, &DataDirectory::new(root), LIMITS, &mut |_| {})
}

#[test]
fn images_are_known_by_their_content_however_they_are_packed() {
    let expected = content_hash(&packed(1, 1));
    assert_ne!(packed(1, 1), packed(1, 9));
    let root = tempfile::tempdir().expect("a temporary folder");
    let report = fetched(packed(1, 9), &expected, root.path()).expect("the same images");
    assert!(!report.already_present);
    let options = DatasetOptions { validation: 0, ..DatasetOptions::default() };
    let dataset = open("pets", &DataDirectory::new(root.path()), &options).expect("an imported set");
    assert_eq!((dataset.content_hash, dataset.train.len()), (expected.clone(), 2));
    assert_eq!(fs::read_dir(root.path().join("downloads")).expect("a folder").count(), 0);
    // Nothing is asked of a server again.
    let archive = ImageArchive {
        name: "pets".to_owned(),
        url: "http://127.0.0.1:1/revision.tar.gz".to_owned(),
        content_hash: expected,
    };
    let again = fetch_images(&archive, &DataDirectory::new(root.path()), LIMITS, &mut |_| {});
    assert!(again.expect("present").already_present);
}

#[test]
fn other_images_and_damaged_archives_are_refused_and_nothing_is_kept() {
    let expected = content_hash(&packed(1, 1));
    let damaged = packed(1, 1)[..100].to_vec();
    for (sent, says) in [(packed(9, 1), "content hash"), (damaged, "revision.tar.gz")] {
        let root = tempfile::tempdir().expect("a temporary folder");
        let message = fetched(sent, &expected, root.path()).expect_err(says).to_string();
        assert!(message.contains(says), "{message}");
        let left: Vec<_> = fs::read_dir(root.path().join("downloads"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name != "revision.tar.gz.lock")
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!root.path().join("imported").exists());
    }
}

#[test]
fn images_that_were_imported_under_the_name_are_not_replaced() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("mine.tar.gz");
    fs::write(&file, packed(9, 1)).expect("a file");
    import(&file, "pets", &DataDirectory::new(root.path()), &ImportOptions::default()).expect("images");
    let expected = content_hash(&packed(1, 1));
    let message = fetched(packed(1, 1), &expected, root.path()).expect_err("another set").to_string();
    assert!(message.contains("pets.pack") && message.contains("content hash"), "{message}");
}
