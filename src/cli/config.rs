//! `boardroom config`: every setting with its origin, secrets hidden; then what is wrong with them.

use std::process::ExitCode;

use crate::cli::Context;
use crate::config::{Needs, effective, strays};

pub(super) fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let settings = effective(context.file.as_deref(), &context.environment);
    let name = settings
        .iter()
        .map(|setting| setting.variable.len())
        .max()
        .unwrap_or(0);
    let value = settings
        .iter()
        .map(|setting| setting.value.chars().count().min(40))
        .max()
        .unwrap_or(0);
    for setting in &settings {
        super::print(format_args!(
            "{:name$}  {:value$}  {}",
            setting.variable, setting.value, setting.origin
        ))?;
    }
    for stray in strays(&context.environment) {
        eprintln!("boardroom: {stray}");
    }
    context.load(Needs::Serve)?;
    Ok(ExitCode::SUCCESS)
}
