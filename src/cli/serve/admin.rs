//! The admin listener of the service: bound beside the public one, or not, and why.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

use crate::admin::{self, About, Admin, Entrance, Watch};
use crate::cli::wiring;
use crate::config::{AdminConfig, Config};
use crate::figures::Clerk;
use crate::http::{Shared, server};
use crate::supervisor::Supervisor;
use crate::survey::Policy;

/// Binds it. An address that somebody has written must be free; without that of everybody the service does its work all the same.
pub(super) fn bind(config: &AdminConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = config.listen else {
        return Ok(None);
    };
    match server::bind(address) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if config.is_written => Err(error).with_context(|| refused(address)),
        Err(error) => {
            let cause = in_words(&error);
            tracing::warn!(
                listen = %address, cause,
                "the service runs without status page, API and metrics: set BOARDROOM_ADMIN_LISTEN to a free address, or to off"
            );
            Ok(None)
        }
    }
}

fn refused(address: SocketAddr) -> String {
    format!(
        "cannot listen on {address} for status page, API and metrics; set BOARDROOM_ADMIN_LISTEN to a free address of this machine, or to off"
    )
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
        _ => error.to_string(),
    }
}

/// Answers from here on, also while the database is away.
pub(super) fn serve(
    config: &Config,
    listener: TcpListener,
    (shared, clerk): (&Shared, &Clerk),
    supervisor: &mut Supervisor,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let about = About {
        instance: config.instance.clone(),
        webhooks: wiring::ours(config),
        policy: Arc::new(Policy {
            wanted: wiring::wanted(config),
            rules: wiring::rules(config),
            since: config.since,
        }),
        started: Instant::now(),
    };
    let token = config.admin.token.as_ref();
    let listening = supervisor.soft_stop();
    let watch = Watch::new(
        shared.clone(),
        about.clone(),
        clerk.clone(),
        listening.clone(),
    );
    let entrance = Entrance { token, address };
    let router = admin::router(Admin::new(shared.clone(), about, watch, entrance));
    tracing::info!(listen = %address, token = token.is_some(), "status page, API and metrics");
    let hard_stop = supervisor.hard_stop();
    supervisor.spawn("admin listener", async move {
        if let Err(error) = server::serve(
            listener,
            router,
            server::Silence::Leaves,
            listening,
            &hard_stop,
        )
        .await
        {
            tracing::error!(%error, "the admin listener failed");
        }
    });
    Ok(())
}
