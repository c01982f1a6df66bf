//! What a service manager hears of `serve` on a socket of its own: ready, signs of life, stopping.

use std::time::Duration;

use tokio::net::UnixDatagram;

use crate::{Lab, SOON, deserted};

/// The messages until one that begins so, which is the last.
async fn until(socket: &UnixDatagram, beginning: &str) -> Vec<String> {
    let mut heard: Vec<String> = Vec::new();
    while !heard.last().is_some_and(|last| last.starts_with(beginning)) {
        let mut buffer = [0; 1024];
        let received = tokio::time::timeout(SOON, socket.recv(&mut buffer)).await;
        let length = received.unwrap_or_else(|_| panic!("no {beginning} after {heard:?}"));
        heard.push(String::from_utf8_lossy(&buffer[..length.unwrap()]).into_owned());
    }
    heard
}

fn managed(lab: &mut Lab) -> UnixDatagram {
    let path = lab.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    lab.set("NOTIFY_SOCKET", path.to_str().unwrap());
    socket
}

#[tokio::test]
async fn a_manager_hears_that_the_service_is_ready_lives_and_stops() {
    let mut lab = Lab::new().await;
    let socket = managed(&mut lab);
    lab.set("WATCHDOG_USEC", "200000");
    let service = lab.serve().await;
    let ready = until(&socket, "READY=1\n").await;
    let status = format!("READY=1\nSTATUS=serves on {}\n", service.address);
    assert_eq!(ready.last(), Some(&status));
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(until(&socket, "WATCHDOG=1").await, ["WATCHDOG=1\n"]);
    }
    // Half of the span lies between two, but what waited in the socket was there at once.
    assert!(begun.elapsed() > Duration::from_millis(200));
    service.terminate().await;
    until(&socket, "STOPPING=1\n").await;
}

#[tokio::test]
async fn a_service_whose_database_is_away_is_ready_all_the_same_and_says_so() {
    let mut lab = Lab::new().await;
    let socket = managed(&mut lab);
    let away = format!("postgres://ann@{}/rooms?sslmode=disable", deserted());
    lab.set("BOARDROOM_DATABASE_URL", away);
    lab.set("BOARDROOM_LISTEN", "127.0.0.1:0");
    let mut service = lab.command(&["serve"]);
    let mut service = service.stderr(std::process::Stdio::null()).spawn().unwrap();
    let heard = until(&socket, "READY=1\n").await;
    assert_eq!(heard, ["READY=1\nSTATUS=waits for the database\n"]);
    service.kill().await.unwrap();
}

#[tokio::test]
async fn a_variable_that_nothing_reads_is_told_with_the_one_that_was_meant() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_SWEEP_EVRY", "5m");
    lab.set("BOARDROOM_SERVICE_HOST", "10.0.0.1");
    let config = lab.run(&["config"]).await;
    assert_eq!(config.code, 0, "{config:?}");
    let expected = "boardroom: BOARDROOM_SWEEP_EVRY is not read: there is no such setting; did you mean BOARDROOM_SWEEP_EVERY?\n";
    assert_eq!(config.stderr, expected);
}
