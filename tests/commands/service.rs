//! What can be seen of `serve` from outside before it has done anything: `healthcheck`, and why it does not start.

use crate::{Lab, deserted};

#[tokio::test]
async fn a_health_check_tells_a_service_that_is_up_from_one_that_is_not() {
    let mut lab = Lab::new().await;
    lab.set("BOARDROOM_LISTEN", deserted().to_string());
    let down = lab.run(&["healthcheck"]).await;
    assert_eq!((down.code, down.stdout.as_str()), (1, ""));
    assert!(down.stderr.contains("does not answer"), "{}", down.stderr);

    let service = lab.serve().await;
    lab.set("BOARDROOM_LISTEN", service.address.to_string());
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let up = lab.run(arguments).await;
        assert_eq!((up.code, up.stdout.as_str()), (0, "ok\n"), "{up:?}");
    }
}

#[tokio::test]
async fn a_health_check_goes_direct_and_needs_no_credentials() {
    let mut lab = Lab::new().await;
    let service = lab.serve().await;
    for variable in ["TRELLO_API_KEY", "TRELLO_TOKEN", "ONLYOFFICE_API_HOST"] {
        lab.unset(variable);
    }
    // On all addresses: it is asked at the loopback.
    lab.set(
        "BOARDROOM_LISTEN",
        format!("0.0.0.0:{}", service.address.port()),
    );
    let proxy = format!("http://{}", deserted());
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        lab.set(variable, proxy.clone());
    }
    let up = lab.run(&["healthcheck"]).await;
    assert_eq!((up.code, up.stdout.as_str()), (0, "ok\n"), "{up:?}");
}

#[tokio::test]
async fn a_health_check_fails_when_somebody_else_answers() {
    let mut lab = Lab::new().await;
    let other = crate::front(200, &[]).await;
    lab.set("BOARDROOM_LISTEN", other.replace("http://", ""));
    assert_eq!(lab.run(&["healthcheck"]).await.code, 1);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let mut lab = Lab::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    lab.set("BOARDROOM_LISTEN", &address);
    let run = lab.run(&["serve"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains(&address), "{}", run.stderr);
    assert!(run.stderr.contains("in use"), "{}", run.stderr);
    let last: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "boardroom cannot serve", "{last}");
    assert!(last["error"].as_str().unwrap().contains(&address), "{last}");
}

#[tokio::test]
async fn a_start_that_fails_is_explained_although_the_log_shows_no_errors() {
    let mut lab = Lab::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    lab.set("BOARDROOM_LISTEN", &address);
    lab.set("BOARDROOM_LOG_FORMAT", "json");
    for hidden in ["off", "info,boardroom=off"] {
        lab.set("BOARDROOM_LOG", hidden);
        let run = lab.run(&["serve"]).await;
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{hidden}");
        assert_eq!(run.stderr.lines().count(), 1, "{hidden}: {}", run.stderr);
        let said = run.stderr.starts_with("boardroom: ") && run.stderr.contains(&address);
        assert!(said, "{hidden}: {}", run.stderr);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_alone() {
    let mut lab = Lab::new().await;
    let garbage = "no database at all\n".repeat(500);
    std::fs::write(lab.path("garbage.db"), &garbage).unwrap();
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://garbage.db");
    for arguments in [&["serve"][..], &["mirror", "aBcD1234"]] {
        let run = lab.run(arguments).await;
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        assert!(run.stderr.contains("garbage.db"), "{}", run.stderr);
        assert!(run.stderr.contains("not a database"), "{}", run.stderr);
    }
    let left = std::fs::read_to_string(lab.path("garbage.db")).unwrap();
    assert!(left == garbage);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let mut lab = Lab::new().await;
    std::fs::write(lab.path("file"), "").unwrap();
    lab.set("BOARDROOM_DATABASE_URL", "sqlite://file/below/boardroom.db");
    let run = lab.run(&["serve"]).await;
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("file/below/boardroom.db"),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn wrong_settings_are_named_all_at_once() {
    let mut lab = Lab::new().await;
    lab.unset("ONLYOFFICE_API_KEY");
    lab.set("BOARDROOM_LISTEN", "everywhere");
    lab.set("BOARDROOM_ROOM_TYPE", "lounge");
    lab.set("BOARDROOM_DOCSPACE_TIMEOUT", "2m");
    lab.set("BOARDROOM_PUBLIC_URL", "ftp://boardroom.example.com");
    std::fs::write(lab.path("boardroom.toml"), "sweep_evry = \"5m\"\n").unwrap();
    for command in ["serve", "check", "config"] {
        let run = lab.run(&["--config", "boardroom.toml", command]).await;
        assert_eq!(run.code, 78, "{run:?}");
        for key in [
            "onlyoffice_api_key",
            "listen",
            "room_type",
            "docspace_timeout",
            "public_url",
            "trello_api_secret",
            "sweep_evry",
        ] {
            assert!(
                run.stderr.contains(&format!("- {key}")),
                "{key}: {}",
                run.stderr
            );
        }
    }
}
