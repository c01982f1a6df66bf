//! `boardroom healthcheck`: asks the service that runs with the same configuration, directly, whatever proxies are set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use crate::api;
use crate::cli::Context;
use crate::config::Needs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Fail as well when the service cannot store deliveries now
    #[arg(long)]
    ready: bool,
}

/// Shorter than the time after which container engines give up on a check.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.load(Needs::Nothing)?;
    let path = if arguments.ready { "readyz" } else { "livez" };
    let url = format!("http://{}/{path}", reachable(config.listen));
    let client = api::client(&api::Options {
        timeout: PATIENCE,
        ..api::Options::default()
    })?;
    let reply = api::send(client.get(&url), &api::Caller::default()).await;
    // The error says its cause itself.
    let reply =
        reply.map_err(|error| anyhow::anyhow!("the service does not answer at {url}: {error}"))?;
    super::print(reply.quote())?;
    Ok(if reply.status == 200 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where a service that listens on this address is reached from the same machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}
