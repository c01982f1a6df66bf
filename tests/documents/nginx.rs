//! The examples for nginx: what nginx itself makes of them before a service.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri};
use tempfile::TempDir;

use crate::{read, tool};

const SOON: Duration = Duration::from_secs(20);

/// nginx with the examples of the README, one server each.
struct Nginx {
    program: Child,
    servers: Vec<SocketAddr>,
    folder: TempDir,
}

impl Nginx {
    /// In front of `upstream`, which takes the place of the service.
    async fn before(upstream: SocketAddr) -> Self {
        let begun = Instant::now();
        loop {
            let mut nginx = Self::start(upstream);
            // Somebody else may have taken an address in between; nginx ends then.
            if nginx.listens().await {
                return nginx;
            }
            assert!(begun.elapsed() < SOON, "nginx does not listen");
        }
    }

    fn start(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let readme = read("README.md");
        let examples = readme.split("```nginx").skip(1);
        let examples: Vec<_> = examples
            .map(|rest| rest.split("```").next().unwrap())
            .map(|example| example.replace("127.0.0.1:8080", &upstream.to_string()))
            .collect();
        // All are held until each is given away, lest two be the same.
        let held = examples.iter().map(|_| TcpListener::bind("127.0.0.1:0"));
        let held: Vec<_> = held.map(Result::unwrap).collect();
        let servers: Vec<_> = held.iter().map(|one| one.local_addr().unwrap()).collect();
        drop(held);
        let blocks = servers.iter().zip(&examples);
        let blocks: Vec<_> = blocks
            .map(|(address, example)| format!("server {{ listen {address};\n{example} }}"))
            .collect();
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, configuration(folder.path(), &blocks.join("\n"))).unwrap();
        let program = Command::new(tool::path("nginx"))
            .arg("-c")
            .arg(&path)
            .args(["-e", "stderr"])
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self {
            program,
            servers,
            folder,
        }
    }

    /// Whether it has begun to listen, and has not ended. It writes its number down when it does.
    async fn listens(&mut self) -> bool {
        while self.program.try_wait().unwrap().is_none() {
            if self.folder.path().join("pid").exists() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// One process, which writes into this folder alone.
fn configuration(folder: &Path, servers: &str) -> String {
    let folder = folder.display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("{kind}_temp_path {folder}/{kind};"));
    format!(
        "daemon off; master_process off; pid {folder}/pid; events {{}}\nhttp {{ access_log off; {} {servers} }}",
        temporary.join(" ")
    )
}

/// Tells what reached it.
async fn upstream() -> SocketAddr {
    let said = |method: Method, uri: Uri, headers: HeaderMap, _body: Bytes| async move {
        let from = headers.get("x-forwarded-for");
        let from = from.map_or("-", |from| from.to_str().unwrap());
        format!("{method} {uri} for {from}")
    };
    let router = Router::new()
        .fallback(said)
        .layer(DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn nginx_takes_a_prefix_off_or_passes_on_nothing_but_the_callback() {
    let nginx = Nginx::before(upstream().await).await;
    let [prefixed, callback] = nginx.servers[..] else {
        panic!("the README has two examples for nginx");
    };
    let http = boardroom::api::client(&boardroom::api::Options {
        timeout: SOON,
        ..Default::default()
    })
    .unwrap();
    let post = |to: SocketAddr, path: &str, body: usize| {
        let request = http
            .post(format!("http://{to}{path}"))
            .body(vec![b' '; body]);
        answer(request.header("x-forwarded-for", "203.0.113.9"))
    };
    let passed = |said: &str| (200, said.to_owned());
    assert_eq!(
        post(prefixed, "/boardroom/webhooks/trello", 2).await,
        passed("POST /webhooks/trello for 203.0.113.9")
    );
    // A stranger does not say from where it comes.
    let said = passed("POST /webhooks/trello for 127.0.0.1");
    assert_eq!(post(callback, "/webhooks/trello", 2).await, said);
    // As large as the service takes, and no larger.
    let most = 1 << 20;
    assert_eq!(post(callback, "/webhooks/trello", most).await, said);
    assert_eq!(post(callback, "/webhooks/trello", most + 1).await.0, 413);
    let head = http.head(format!("http://{callback}/webhooks/trello"));
    assert_eq!(answer(head).await, passed(""));
    for private in ["/", "/readyz", "/webhooks/trello/", "/webhooks/trello2"] {
        assert_eq!(post(callback, private, 2).await.0, 404, "{private}");
    }
}
