//! `boardroom signature`: why deliveries are refused. Tries every secret with every callback URL on the kept ones, then the usual mistakes.
//! It only reads; no secret is ever printed.

mod address;
mod header;
mod rewrite;
mod search;
mod words;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::api::printable;
use crate::cli::terminal::{json_line, wrapped};
use crate::cli::{Context, wiring};
use crate::config::{CallbackUrl, Config, Needs};
use crate::model::delivery::Captured;
use crate::model::time::Timestamp;
use crate::redact::Redactor;
use search::{Known, Letter, Verdict};
use words::Said;

/// For `signature --help`.
pub(super) const ABOUT: &str = "\
Find out why deliveries are refused (401).

A service with BOARDROOM_CAPTURE=true keeps the newest 20 deliveries that it refused. This command \
tries on each, the newest first, every secret with every callback URL that is configured, then the \
usual mistakes: a callback URL that differs in its slash, scheme, port, host or query, the key or the \
token in place of the secret, a body that was written anew on its way, a signature in hex. It says \
what would match, and what to set to what.

It needs TRELLO_API_SECRET and BOARDROOM_PUBLIC_URL or BOARDROOM_CALLBACK_URLS, just as the service \
has them, and the service's database. TRELLO_API_KEY and TRELLO_TOKEN are tried if they are set. With \
--body and --header it looks at a delivery of your own, and needs no database. It prints no secret.

With --json, one line of JSON for each delivery: at, bytes, url, verdict (matches, would_match, \
nothing_matches, cut, forged, unsigned, several_signatures or no_signature), detail, fix, notes.

It exits 0 when one of them matches as configured, and 1 otherwise.";

/// What `boardroom simulate` gives as the signature of a delivery that must be refused.
pub(super) const FORGED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Longer ones are refused by the service, too.
const LONGEST_BODY: u64 = 1 << 20;
/// Where texts begin.
const INDENT: usize = 12;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at the newest kept delivery only
    #[arg(long, conflicts_with = "body")]
    last: bool,
    /// A file with the body of a delivery, byte for byte; - for stdin
    #[arg(long, value_name = "FILE", requires = "header")]
    body: Option<PathBuf>,
    /// What its header X-Trello-Webhook holds
    #[arg(long, value_name = "VALUE", requires = "body")]
    header: Option<String>,
    /// One line of JSON for each delivery
    #[arg(long)]
    json: bool,
}

/// A delivery to look at.
#[derive(Debug)]
struct Sample {
    at: Option<Timestamp>,
    body: Vec<u8>,
    length: u64,
    signature: Option<String>,
    url: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Signatures)?;
    wiring::start_logging_of_command(&config);
    let samples = match (&arguments.body, &arguments.header) {
        (Some(body), Some(header)) => vec![given(body, header)?],
        (Some(_) | None, _) => kept(&config, arguments.last).await?,
    };
    let known = Known {
        secrets: &config.trello.secrets,
        key: config.trello.key.as_ref(),
        token: config.trello.token.as_ref(),
        callbacks: config
            .accepted_callbacks
            .iter()
            .map(CallbackUrl::as_str)
            .collect(),
        port: config.listen.port(),
    };
    let mut report = Report {
        json: arguments.json,
        redactor: wiring::redactor(&config),
        notes: words::suspicions(&known),
        said: None,
    };
    report.begin()?;
    let mut is_any_accepted = false;
    for sample in &samples {
        let verdict = search::diagnose(sample.letter(), &known);
        is_any_accepted |= matches!(verdict, Verdict::Matches { .. });
        let mut said = words::said(&verdict, &known);
        if let (Verdict::Matches { .. }, Some(_)) = (&verdict, sample.at) {
            said.fix = Some(words::REFUSED_ALL_THE_SAME.to_owned());
        }
        report.show(sample, said)?;
    }
    Ok(if is_any_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Sample {
    fn letter(&self) -> Letter<'_> {
        Letter {
            body: &self.body,
            is_cut: self.length > self.body.len() as u64,
            signature: self.signature.as_deref(),
            asked: self.url.as_deref(),
        }
    }
}

/// What a person gave.
fn given(path: &Path, header: &str) -> anyhow::Result<Sample> {
    let mut body = Vec::new();
    let is_stdin = path.as_os_str() == "-";
    let read = if is_stdin {
        std::io::stdin()
            .lock()
            .take(LONGEST_BODY + 1)
            .read_to_end(&mut body)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(LONGEST_BODY + 1).read_to_end(&mut body))
    };
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if body.len() as u64 > LONGEST_BODY {
        bail!("this body has more than 1 MiB; the service takes none that is longer");
    }
    Ok(Sample {
        at: None,
        length: body.len() as u64,
        body,
        signature: Some(header.to_owned()),
        url: None,
    })
}

/// What the service refused.
async fn kept(config: &Config, last: bool) -> anyhow::Result<Vec<Sample>> {
    let store = wiring::open_existing_store(config).await?;
    let mut kept = store.captures(Captured::Refused).await?;
    store.close().await;
    if kept.is_empty() {
        let how = if config.capture {
            "The service keeps them if it was started with BOARDROOM_CAPTURE=true"
        } else {
            "Set BOARDROOM_CAPTURE=true and restart the service: it keeps them from then on"
        };
        bail!(
            "no refused delivery is kept. {how}. Then move a card on a watched board in Trello, or run `boardroom simulate`, and come back"
        );
    }
    if last {
        kept.truncate(1);
    }
    let sample = |kept: crate::model::delivery::Kept| Sample {
        at: Some(kept.at),
        body: kept.capture.body,
        length: kept.capture.length,
        signature: kept.capture.signature,
        url: kept.capture.url,
    };
    Ok(kept.into_iter().map(sample).collect())
}

/// Prints what came out.
#[derive(Debug)]
struct Report {
    json: bool,
    redactor: Redactor,
    notes: Vec<String>,
    /// What was said of the delivery before.
    said: Option<Said>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    at: Option<String>,
    bytes: u64,
    url: Option<String>,
    verdict: &'static str,
    detail: String,
    fix: Option<String>,
    notes: &'a [String],
}

impl Report {
    fn begin(&self) -> anyhow::Result<()> {
        if !self.json {
            for note in &self.notes {
                super::write(&format!("{:INDENT$}{}", "note", wrapped(note, INDENT)))?;
            }
            if !self.notes.is_empty() {
                super::print("")?;
            }
        }
        Ok(())
    }

    fn show(&mut self, sample: &Sample, said: Said) -> anyhow::Result<()> {
        let text = if self.json {
            json_line(&self.line(sample, &said))?
        } else {
            self.block(sample, &said)
        };
        self.said = Some(said);
        // Whatever was in a header or an address: no secret of ours leaves this program.
        Ok(super::write(&self.redactor.clean(&text))?)
    }

    fn line(&self, sample: &Sample, said: &Said) -> Line<'_> {
        Line {
            at: sample.at.map(|at| at.to_string()),
            bytes: sample.length,
            url: sample.url.clone(),
            verdict: said.word,
            detail: said.sentence.clone(),
            fix: said.fix.clone(),
            notes: &self.notes,
        }
    }

    fn block(&self, sample: &Sample, said: &Said) -> String {
        let mut text = String::new();
        let mut say = |label: &str, words: &str| {
            let _ = write!(text, "{label:INDENT$}{}", wrapped(words, INDENT));
        };
        if let Some(at) = sample.at {
            let bytes = sample.length;
            say("refused", &format!("{at}, {bytes} bytes"));
        }
        if let Some(url) = &sample.url {
            say("sent to", &printable(url));
        }
        let is_same = sample.at.is_some() && self.said.as_ref() == Some(said) && said.fix.is_some();
        if is_same {
            say("verdict", "the same as above");
        } else {
            say("verdict", &said.sentence);
            if let Some(fix) = &said.fix {
                say("fix", fix);
            }
        }
        if sample.at.is_some() {
            text.push('\n');
        }
        text
    }
}
