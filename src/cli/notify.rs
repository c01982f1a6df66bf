//! `boardroom notify`: posts a test notice, and says what came of it.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Context, wiring};
use crate::config::Needs;
use crate::model::time::Timestamp;
use crate::notices;

pub(super) const ABOUT: &str = "\
Post a test notice to BOARDROOM_NOTIFY_URL, signed if BOARDROOM_NOTIFY_SECRET is set, and say what the \
receiver answered.

It needs no other credential, no database and no running service, and it posts the same form as the \
service does. Its kind is `test`, so that a program can tell it from a real one.

It exits 0 when the notice was taken, 1 otherwise, 78 when there is no address.";

/// The number of a test notice; those of the service begin at 1.
const TEST: i64 = 0;

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Notices)?;
    wiring::start_logging_of_command(&config);
    let receiver = wiring::receiver(&config)?.context("BOARDROOM_NOTIFY_URL is not set")?;
    let body = notices::test_body(&config.instance, Timestamp::now());
    let signed = match &config.watchers.notify {
        Some(notify) if notify.secret.is_some() => "signed",
        Some(_) | None => "not signed, for BOARDROOM_NOTIFY_SECRET is not set",
    };
    match receiver.post(TEST, &body).await {
        Ok(status) => {
            super::print(format!(
                "{} took the test notice ({status}); it was {signed}",
                receiver.host()
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(anyhow::anyhow!(
            "{} did not take the test notice: {error}; {}",
            receiver.host(),
            error.fix()
        )),
    }
}
