//! Studies that are followed in a browser and in the terminal, and every command of `docs/watch.md`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::tiny_study::{STUDY, TinyStudy, allconv, output, refused};
use crate::tutorial::blocks;

/// A server that ends with the test, and its first page's address.
struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn serve(folder: &Path, arguments: &[&str]) -> Served {
    let mut child =
        allconv(folder).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    Served { child, address: address.trim().to_owned() }
}

impl Served {
    /// The page at a path below the address.
    fn page(&self, path: &str) -> String {
        let (host, base) = self.address.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut connection = TcpStream::connect(host).unwrap();
        write!(connection, "GET /{base}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut page = String::new();
        connection.read_to_string(&mut page).unwrap();
        page
    }
}

#[test]
fn every_command_of_the_page_on_watching_works_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("runs")).unwrap();
    std::fs::write(folder.join("my-study.toml"), STUDY.replace("epochs = 12", "epochs = 2")).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/watch.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut served = None;
    let mut commands = 0;
    for line in blocks(&page, "console").iter().flat_map(|block| block.lines()) {
        let command = line.strip_prefix("$ allconv ").unwrap_or_else(|| panic!("not a command: {line}"));
        let words: Vec<&str> = command.split(' ').collect();
        commands += 1;
        if words[0] == "serve" {
            served = Some(serve(folder, &words));
            continue;
        }
        let output = output(folder, &words);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(commands >= 4, "only {commands} commands were found");
    let served = served.expect("the page serves");
    let page = served.page("study/my-study");
    assert!(page.contains("1 run: 1 done") && page.contains("the report</a>"), "{page}");
    assert!(served.page("study/my-study/report/index.html").contains("<title>Is the same run"));
}

#[test]
fn a_study_is_followed_in_the_terminal_until_another_process_has_finished_it() {
    let tiny = TinyStudy::new();
    let watch = |further: &[&str]| {
        let mut command = allconv(tiny.path());
        command.args(["study", "watch", "tiny.toml", "--every", "1", "--format", "csv"]).args(further);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // It begins before there is a folder.
    let follower = watch(&[]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    tiny.finish(&["--jobs", "1"]);
    let followed = follower.wait_with_output().unwrap();
    let (table, told) =
        (String::from_utf8_lossy(&followed.stdout), String::from_utf8_lossy(&followed.stderr));
    assert!(followed.status.success(), "{told}");
    assert!(told.starts_with("1 run: 1 left\n"), "{told}");
    assert!(told.contains("all_conv seed 3: done, test error "), "{told}");
    assert!(told.contains("(1 of 1 runs ended)"), "{told}");
    assert!(table.starts_with("Arm,Seed,State") || table.starts_with("arm,seed,state"), "{table}");
    assert!(table.contains("all_conv,3,done,"), "{table}");
    // A finished study is told at once.
    assert!(watch(&[]).wait_with_output().unwrap().status.success());
}

#[test]
fn wrong_arguments_of_serve_name_what_to_give_instead() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let absent = refused(folder, &["serve"], 2);
    assert!(absent.contains("cannot show the runs in runs"), "{absent}");
    std::fs::create_dir(folder.join("runs")).unwrap();
    let open = refused(folder, &["serve", "--host", "0.0.0.0"], 2);
    assert!(open.contains("--token"), "{open}");
    let short = refused(folder, &["serve", "--token", "secret"], 2);
    assert!(short.contains("16 to 128") && short.contains("has 6"), "{short}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let busy = refused(folder, &["serve", "--port", &port], 74);
    assert!(busy.contains(&format!("cannot listen at 127.0.0.1:{port}")), "{busy}");
}
