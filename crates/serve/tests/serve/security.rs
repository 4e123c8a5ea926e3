//! Who is answered, and what no request can reach or change.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use allconv_record::Status;

use crate::support::{Client, Place, serve};

/// Every file and folder with its content and time of change.
fn snapshot(folder: &Path) -> BTreeMap<String, (Vec<u8>, Option<SystemTime>)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let modified = std::fs::symlink_metadata(&path).unwrap().modified().ok();
        if path.is_dir() && !path.is_symlink() {
            found.extend(snapshot(&path));
        }
        let content = std::fs::read(&path).unwrap_or_default();
        found.insert(path.display().to_string(), (content, modified));
    }
    found
}

fn pilot() -> (Place, Client, String) {
    let place = Place::new();
    let planned = place.study("pilot", 1);
    place.run("pilot", &planned[0], Status::Finished, 10);
    let killed = place.run("pilot", &planned[1], Status::Running, 2);
    drop(killed.lease(&allconv_record::Leases::default()).unwrap());
    let report = place.runs().join("pilot/report");
    std::fs::create_dir_all(report.join("figures")).unwrap();
    std::fs::write(report.join("index.html"), "<p>the report</p>").unwrap();
    std::fs::write(report.join("figures/results.svg"), "<svg/>").unwrap();
    let name = killed.path().file_name().unwrap().to_str().unwrap().to_owned();
    let client = place.serve();
    (place, client, name)
}

#[test]
fn without_the_token_and_under_other_names_nothing_is_told() {
    let (_place, client, _) = pilot();
    let authority = &client.authority;
    let ask = |path: &str, host: &str| client.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let base = client.base.clone();
    let wrong = format!("/{}", "0".repeat(base.len() - 1));
    for path in ["/", "/study/pilot", "/assets/app.js", "//", &wrong, &format!("{wrong}/"), &base, &base[..9]]
    {
        let answer = ask(path, authority);
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        assert!(!answer.body.contains("pilot") && !answer.head.contains("pilot"), "{path}");
    }
    for host in ["attacker.example", "127.0.0.1.attacker.example:80", "attacker.example.", "runs"] {
        assert_eq!(ask(&format!("{base}/"), host).status, 421, "{host}");
    }
    let port = authority.rsplit(':').next().unwrap();
    for host in
        [authority.clone(), format!("localhost:{port}"), "localhost:9".to_owned(), format!("[::1]:{port}")]
    {
        assert_eq!(ask(&format!("{base}/"), &host).status, 200, "{host}");
    }
    let post = format!("POST {base}/ HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 3\r\n\r\na=b");
    let answer = client.send(&post);
    assert!(answer.status == 405 && answer.head.contains("Allow: GET, HEAD"), "{}", answer.head);
}

#[test]
fn pages_keep_to_themselves_and_hold_nothing_inline() {
    let (_place, client, run) = pilot();
    for path in ["/", "/study/pilot", &format!("/study/pilot/run/{run}")] {
        let answer = client.get(path);
        for header in [
            "script-src 'self'",
            "default-src 'none'",
            "frame-ancestors 'none'",
            "Referrer-Policy: no-referrer",
            "X-Content-Type-Options: nosniff",
            "Cache-Control: no-store",
        ] {
            assert!(answer.head.contains(header), "{header}: {}", answer.head);
        }
        assert!(!answer.head.contains("unsafe"), "{}", answer.head);
        for inline in
            ["<style", " style=", "<script>", " onclick=", " onload=", "javascript:", "http://", "https://"]
        {
            assert!(!answer.body.contains(inline), "{path} holds {inline}: {}", answer.body);
        }
        assert_eq!(answer.body.matches("<script ").count(), 1, "{path}");
    }
    let report = client.get("/study/pilot/report/index.html");
    assert_eq!(report.body, "<p>the report</p>");
    assert!(report.head.contains("sandbox allow-scripts") && report.head.contains("script-src 'sha256-"));
    assert_eq!(client.page("/study/pilot/report/figures/results.svg"), "<svg/>");
}

#[cfg(unix)]
#[test]
fn no_path_leaves_the_folder_of_runs() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let planned = place.study("pilot", 1);
    let outside = place.study("secret", 1);
    let secret = place.run("secret", &outside[0], Status::Finished, 10);
    place.run("pilot", &planned[0], Status::Finished, 10);
    std::fs::rename(place.runs().join("secret"), place.path().join("secret")).unwrap();
    let secret = place.path().join("secret").join(secret.path().file_name().unwrap());
    // A study, a run, a record, a journal and a specification that lead out.
    symlink(place.path().join("secret"), place.runs().join("linked")).unwrap();
    symlink(&secret, place.runs().join("pilot/linked-s0-00000000")).unwrap();
    for file in ["run.json", "metrics.jsonl", "spec.toml"] {
        let run = place.runs().join(format!("pilot/through-{}-s0-00000000", &file[..4]));
        std::fs::create_dir(&run).unwrap();
        for name in ["run.json", "metrics.jsonl", "spec.toml"] {
            if name == file {
                symlink(secret.join(name), run.join(name)).unwrap();
            } else {
                std::fs::copy(secret.join(name), run.join(name)).unwrap();
            }
        }
    }
    let client = place.serve();
    assert!(!client.page("/").contains("linked"), "{}", client.page("/"));
    assert_eq!(client.get("/study/linked").status, 404);
    let page = client.page("/study/pilot");
    assert!(!page.contains("linked-s0") && page.contains("leads out of the folder of runs"), "{page}");
    let specification = client.page("/study/pilot/run/through-spec-s0-00000000");
    assert!(specification.contains("spec.toml is missing or cannot be read"), "{specification}");
    let escapes = [
        "/study/..",
        "/study/%2e%2e",
        "/study/pilot/run/..",
        "/study/pilot/run/..%2f..%2fsecret",
        "/study/pilot/report/..%2f..%2f..%2fsecret/study.json",
        "/study/pilot/report/../study.json",
        "/../../../etc/passwd",
        "/assets/../study/pilot",
        "/assets/..%2f..%2fCargo.toml",
        "/study/%00",
    ];
    for path in escapes {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

/// Numbers without a pattern; the seed is fixed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// Changes some bytes of a request: others, none, repeated, cut, or inserted ones that mean something to HTTP.
fn mutated(request: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const INSERTED: [&[u8]; 12] = [
        b"\r\n",
        b"\0",
        b"%",
        b"%2e%2e/",
        b"../",
        b":",
        b" ",
        b"Host: a\r\n",
        b"\xff\xfe",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"HTTP/9.9",
    ];
    let mut bytes = request.to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len().max(1));
        match numbers.below(5) {
            _ if bytes.is_empty() => break,
            0 => bytes[at] = numbers.below(256) as u8,
            1 => {
                bytes.remove(at);
            }
            2 => bytes.truncate(at),
            3 => {
                let repeated = bytes[at..].iter().take(40).copied().collect::<Vec<u8>>();
                bytes.extend(repeated.iter().cycle().take(numbers.below(3000)));
            }
            _ => drop(bytes.splice(at..at, INSERTED[numbers.below(INSERTED.len())].iter().copied())),
        }
    }
    bytes
}

#[test]
fn thousands_of_mutated_requests_neither_end_nor_open_the_server() {
    let (place, client, run) = pilot();
    let before = snapshot(place.path());
    let paths = [
        "/",
        "/study/pilot",
        &format!("/study/pilot/run/{run}"),
        "/study/pilot/report/index.html",
        "/assets/app.js",
    ];
    let mut numbers = Numbers(20_141_221);
    for round in 0..4000 {
        let path = paths[round % paths.len()];
        let request = format!(
            "GET {}{path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: fuzz\r\nAccept: */*\r\n\r\n",
            client.base, client.authority
        );
        let bytes = mutated(request.as_bytes(), &mut numbers);
        let mut stream = client.connect();
        // The server may close the connection before it has taken everything.
        let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 "),
            "request {round}: {:?} was answered by {:?}",
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(client.get("/").status, 200);
    assert!(before == snapshot(place.path()), "a run directory was written");
}

#[test]
fn idle_connections_block_nobody_for_long() {
    let (_place, client, _) = pilot();
    let idle: Vec<_> = (0..128).map(|_| client.connect()).collect();
    let began = Instant::now();
    let mut refused = 0;
    // Every place may be taken until the idle ones have had their time.
    while !client.is_answered() {
        refused += 1;
        assert!(began.elapsed() < Duration::from_secs(20), "the server stays blocked");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(refused > 0, "the number of connections is bounded");
    drop(idle);
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_folder_that_cannot_be_shown_is_named() {
    use allconv_serve::{ServeOptions, Server, Token};
    let place = Place::new();
    let planned = place.study("pilot", 1);
    let run = place.run("pilot", &planned[0], Status::Finished, 10);
    let cases = [
        (place.path().join("absent"), "absent"),
        (place.path().join("pilot.toml"), "it is no folder"),
        (run.path().to_path_buf(), "name the folder that holds it"),
    ];
    for (folder, told) in cases {
        let options = ServeOptions {
            folders: vec![folder],
            host: "127.0.0.1".to_owned(),
            port: 0,
            token: Token::random().unwrap(),
        };
        let message = Server::bind(&options).unwrap_err().to_string();
        assert!(message.contains(told), "{message}");
    }
    // The folder of one study is shown as that study.
    let client = serve(vec![place.runs().join("pilot")], "localhost");
    assert!(client.page("/study/pilot").contains("3 runs: 1 done, 2 left"));
}
