//! `boardroom webhooks list|sync|remove`: what Trello has registered for this token, brought in line, or taken away.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::api;
use crate::cli::terminal::{fitted, json_line};
use crate::cli::wiring::Company;
use crate::cli::{Context, plan, wiring};
use crate::config::{CallbackUrl, Config, Follow, Needs};
use crate::desk::counted;
use crate::desk::webhooks::{self, Line, WebhooksError};
use crate::guardian::{Guardian, Memory, description};
use crate::lane::Lanes;
use crate::model::id::BoardId;
use crate::scope::{Scope, Surroundings};
use crate::store::Fact;
use crate::trello::{Trello, TrelloError};
use crate::watched::Watched;

/// For `webhooks --help`.
pub(super) const ABOUT: &str = "\
Show, mend or take away the webhooks that Trello has for this token.

`list` (also without a word) shows all of them, those of other programs included. `sync` does once \
what a running service does all the time: registers what is missing, switches on what is off, and \
removes what nothing needs any more. `remove` takes away every webhook of this installation, for the \
day when the service goes; it refuses while one runs on this database file, and on PostgreSQL, where \
nobody can tell, it reminds you. Webhooks of others are never touched.";

const JSON: &str =
    "One JSON object a line: webhook_id, watches, model_id, callback, active, failures, whose";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[arg(long, global = true, help = JSON)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::Subcommand)]
enum Verb {
    /// Show the webhooks of this token
    List,
    /// Register, switch on and remove what is due, once
    Sync,
    /// Take away every webhook of this installation
    Remove,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Services)?;
    wiring::start_logging_of_command(&config);
    let trello = wiring::trello_for_command(&config)?;
    match arguments.verb.unwrap_or(Verb::List) {
        Verb::List => list(&config, &trello, arguments.json).await,
        Verb::Sync => {
            Box::pin(sync(&config, &trello)).await?;
            list(&config, &trello, arguments.json).await
        }
        Verb::Remove => remove(&config, &trello).await,
    }
}

async fn list(config: &Config, trello: &Trello, json: bool) -> anyhow::Result<ExitCode> {
    let store = plan::database(config).await?;
    let lines = webhooks::list(trello, store.as_deref(), &wiring::ours(config)).await;
    let lines = lines.map_err(|error| match error {
        WebhooksError::Trello(error) => explained(&error),
        WebhooksError::Store(error) => error.into(),
    })?;
    let mut last = None;
    for line in &lines {
        if json {
            super::write(&json_line(line)?)?;
        } else {
            if last.replace(&line.callback) != Some(&line.callback) {
                super::print(api::one_line(&line.callback))?;
            }
            super::print(text(line))?;
        }
    }
    if lines.is_empty() && !json {
        super::print(
            "Trello has no webhook for this token. A service with a public URL registers them.",
        )?;
    }
    if let Some(store) = store {
        store.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// A webhook as people read it.
fn text(line: &Line) -> String {
    let state = match (line.active, line.failures) {
        (false, _) => "off".to_owned(),
        (true, 0) => "works".to_owned(),
        (true, failures) => format!("fails ({failures})"),
    };
    let watches = api::one_line(&line.watches);
    format!("  {} {:20} {state}", fitted(&watches, 36), line.whose)
}

/// One round of the guardian, twice: what nothing needs is removed when it is seen so again.
async fn sync(config: &Config, trello: &Trello) -> anyhow::Result<()> {
    let Some(callback) = &config.callback else {
        bail!("BOARDROOM_PUBLIC_URL is not set: without it there is nothing to register");
    };
    let store = wiring::open_store(config).await?;
    let wanted = wiring::wanted(config);
    let scope = Scope::resolve(trello, &wanted, None);
    let scope = Arc::new(scope.await.map_err(|error| explained(&error))?);
    let surroundings = Surroundings::default();
    let is_audited = store.fact(Fact::Audited).await?.is_some();
    surroundings.learn(|known| {
        known.scope = Some(scope.clone());
        known.audited = is_audited.then(Instant::now);
    });
    let sender = watch::Sender::new(Some(scope));
    let lanes = Lanes::fresh(store.clone(), trello.clone(), wiring::docspace(config)?);
    let accepted = config.accepted_callbacks.iter();
    let mut guardian = Guardian {
        trello: trello.clone(),
        store: store.clone(),
        lanes,
        surroundings,
        holder: None,
        watched: Watched::default(),
        metrics: Arc::default(),
        callback: Some(callback.as_str().to_owned()),
        callbacks: accepted
            .map(|callback| callback.as_str().to_owned())
            .collect(),
        instance: config.instance.clone(),
        follow: config.follow == Follow::Live,
        every: config.sweep_every,
        scope: sender.subscribe(),
        sweep: Arc::new(Notify::new()),
        bound: Arc::default(),
        roles: Arc::default(),
        asked: Arc::default(),
        state: Memory::default(),
    };
    for _ in 0..2 {
        guardian
            .tick()
            .await
            .context("the webhooks could not be brought in line")?;
    }
    store.close().await;
    Ok(())
}

async fn remove(config: &Config, trello: &Trello) -> anyhow::Result<ExitCode> {
    // Without the database it cannot be known whether a service runs on it.
    let base = wiring::existing_base(config).await?;
    let store = &base.store;
    store.open().await?;
    let company = base.company();
    match &company {
        Company::Alone { .. } => {}
        Company::Beside => {
            bail!("a service runs on this database and would register them again: stop it first")
        }
        Company::Uncounted => eprintln!(
            "boardroom: a service that still runs on this database registers them again: stop every one"
        ),
    }
    let webhooks = trello.webhooks().await.map_err(|error| explained(&error))?;
    let ours = webhooks.into_iter().filter(|webhook| {
        let is_ours = webhook.description.as_deref() == Some(&description(&config.instance));
        let own = config.callback.as_ref().map(CallbackUrl::as_str);
        is_ours || own == Some(&webhook.callback)
    });
    let mut removed = 0;
    for webhook in ours {
        trello
            .remove(webhook.id)
            .await
            .map_err(|error| explained(&error))?;
        removed += 1;
        store.set_hooks(&[(BoardId(webhook.model.0), None)]).await?;
        store.unwatch(&[webhook.model]).await?;
    }
    super::print(match removed {
        0 => "Trello has no webhook of this installation.".to_owned(),
        count => format!(
            "{} removed.",
            counted(count, "webhook was", "webhooks were")
        ),
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn explained(error: &TrelloError) -> anyhow::Error {
    crate::cli::at_once::explained(&error.failure())
}
