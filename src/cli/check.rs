//! `boardroom check`: every precondition of `serve` with its verdict and, where it fails, the fix.
//! It asks with `GET` and `HEAD` alone: nothing is made or changed in Trello or DocSpace.

mod database;
mod docspace;
mod expiry;
pub(in crate::cli) mod public_url;
mod report;
mod trello;

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::check::report::{Finding, Report};
use crate::cli::{Context, wiring};
use crate::config::{Config, Needs, SecretUrl, Stray, effective, strays};

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = Arc::new(context.load(Needs::Serve)?);
    wiring::start_logging_of_command(&config);
    let (trello, docspace) = (
        wiring::trello_for_command(&config)?,
        wiring::docspace(&config)?,
    );
    let from_outside = public_url::client(&config)?;
    // Side by side: one that does not answer holds up nobody else's verdict for longer than its own time.
    let remote = [
        tokio::spawn(trello::check(config.clone(), trello)),
        tokio::spawn(public_url::check(config.clone(), from_outside)),
        tokio::spawn(docspace::check(config.clone(), docspace)),
    ];
    let mut report = Report::new(&config);
    report.show(&[configuration(context)]);
    report.show(&strayed(context));
    report.show(traces(&config, context).as_slice());
    report.show(&watchers(&config));
    report.show(sweeps(&config).as_slice());
    report.show(&[database::check(&config).await]);
    for findings in remote {
        report.show(&findings.await?);
    }
    Ok(if report.conclude() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Had something been wrong with it, nothing else would have been checked.
fn configuration(context: &Context) -> Finding {
    let settings = effective(context.file.as_deref(), &context.environment);
    let file = settings
        .iter()
        .find(|setting| setting.key == "config" && setting.value != "(not set)");
    let detail = match file {
        Some(file) => format!("complete; from {} and the environment", file.value),
        None => "complete; from the environment".to_owned(),
    };
    Finding::ok("configuration", detail)
}

/// Whoever wants none is told nothing of them. The address may carry a key, and is not shown.
fn traces(config: &Config, context: &Context) -> Option<Finding> {
    match wiring::wants_traces(config, &context.environment) {
        Ok(None) => None,
        Ok(Some(variable)) => Some(Finding::ok(
            "traces",
            format!("sent to the collector that {variable} names"),
        )),
        Err(error) => Some(Finding::warning(
            "traces",
            format!("nobody gets them: {error}"),
            error.fix(),
        )),
    }
}

/// Who is told how it goes. Nobody is told anything now; the addresses may carry keys, and are not shown.
fn watchers(config: &Config) -> Vec<Finding> {
    let host = |url: &SecretUrl| url.expose().host_str().unwrap_or_default().to_owned();
    let watchers = &config.watchers;
    let notices = watchers.notify.as_ref().map(|notify| {
        let signed = match notify.secret {
            Some(_) => "signed",
            None => "not signed",
        };
        let to = host(&notify.url);
        let detail = format!("posted to {to}, {signed}; `boardroom notify` posts one for a test");
        Finding::ok("notices", detail)
    });
    let heartbeat = watchers.heartbeat.as_ref().map(|url| {
        let detail = format!("{} is asked every minute while all is well", host(url));
        Finding::ok("heartbeat", detail)
    });
    notices.into_iter().chain(heartbeat).collect()
}

fn sweeps(config: &Config) -> Option<Finding> {
    let words = wiring::too_many_sweeps(config)?;
    Some(Finding::warning(
        "sweeps",
        words,
        "Set BOARDROOM_SWEEP_EVERY to 30s or more; webhooks bring what happens in between.",
    ))
}

/// Variables that look like settings and are none.
fn strayed(context: &Context) -> Vec<Finding> {
    let strays = strays(&context.environment);
    let finding = |stray: &Stray| {
        Finding::warning(
            "variable",
            stray.to_string(),
            "Correct the name, or take the variable away.",
        )
    };
    strays.iter().map(finding).collect()
}
