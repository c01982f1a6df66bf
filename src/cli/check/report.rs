//! What `boardroom check` prints: one finding a precondition, aligned, within 80 columns, and no secret whatever a server said.

use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::terminal::wrapped;
use crate::cli::wiring;
use crate::config::Config;

/// Where the second and the third column begin.
const SUBJECT: usize = 9;
const DETAIL: usize = 27;
/// Anything shorter would blot out words by chance.
const SHORTEST_SECRET: usize = 6;

/// How one precondition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Warning,
    Failed,
    /// It could not be learnt, for the reason that the finding gives.
    Open,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::Open => "-",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Failed => AnsiColor::Red.on_default().bold(),
            Self::Open => Style::new().dimmed(),
        }
    }
}

/// One precondition, what was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    subject: &'static str,
    detail: String,
    fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(subject: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, subject, detail.into(), None)
    }

    pub(super) fn warning(
        subject: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Warning, subject, detail.into(), Some(fix.into()))
    }

    pub(super) fn failed(
        subject: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Failed, subject, detail.into(), Some(fix.into()))
    }

    pub(super) fn open(subject: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Open, subject, detail.into(), None)
    }

    /// What an earlier failure leaves in the dark.
    pub(super) fn not_checked(subject: &'static str) -> Self {
        Self::open(subject, "not checked")
    }

    fn new(verdict: Verdict, subject: &'static str, detail: String, fix: Option<String>) -> Self {
        Self {
            verdict,
            subject,
            detail,
            fix,
        }
    }

    /// The lines of the finding, each with its line break.
    fn render(&self) -> String {
        let style = self.verdict.style();
        let mut text = format!(
            "{style}{:SUBJECT$}{style:#}{:width$}",
            self.verdict.word(),
            self.subject,
            width = DETAIL - SUBJECT
        );
        text.push_str(&wrapped(&self.detail, DETAIL));
        if let Some(fix) = &self.fix {
            let _ = write!(text, "{:SUBJECT$}", "");
            text.push_str(&wrapped(&format!("fix: {fix}"), SUBJECT + 5));
        }
        text
    }
}

/// Prints findings as they come, and counts them.
#[derive(Debug)]
pub(super) struct Report {
    secrets: Vec<SecretString>,
    failed: usize,
    warnings: usize,
}

impl Report {
    pub(super) fn new(config: &Config) -> Self {
        let credentials = [
            &config.trello.key,
            &config.trello.token,
            &config.docspace.key,
        ];
        let credentials = credentials.into_iter().flatten();
        let credentials = credentials.chain(&config.trello.secrets).cloned();
        let database = wiring::secrets_of_database(config);
        Self {
            secrets: credentials.chain(database).collect(),
            failed: 0,
            warnings: 0,
        }
    }

    pub(super) fn show(&mut self, findings: &[Finding]) {
        for finding in findings {
            match finding.verdict {
                Verdict::Failed => self.failed += 1,
                Verdict::Warning => self.warnings += 1,
                Verdict::Ok | Verdict::Open => {}
            }
            print(&self.without_secrets(finding).render());
        }
    }

    /// The last line; whether nothing has failed.
    pub(super) fn conclude(&self) -> bool {
        print(&format!("\n{}\n", self.summary()));
        self.failed == 0
    }

    fn summary(&self) -> String {
        let warnings = match self.warnings {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            several => format!(", {several} warnings"),
        };
        match self.failed {
            0 => format!("nothing failed{warnings}"),
            failed => format!("{failed} failed{warnings}"),
        }
    }

    /// What a server says may repeat what it was sent: the path with the token, or a header.
    fn without_secrets(&self, finding: &Finding) -> Finding {
        let mut clean = finding.clone();
        for secret in self.secrets.iter().map(SecretString::expose_secret) {
            if secret.len() >= SHORTEST_SECRET {
                clean.detail = clean.detail.replace(secret, "[redacted]");
            }
        }
        clean
    }
}

/// Colours are dropped where stdout is no terminal. A reader that has gone away changes no verdict.
fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_aligned_and_ends_before_column_80() {
        let finding = Finding::failed(
            "public URL",
            "it answers with 404 where Trello needs 200, as far as this machine can tell",
            "Pass everything below the public URL on to the service, and nothing else, unchanged.",
        );
        let plain = anstream::adapter::strip_str(&finding.render()).to_string();
        assert_eq!(
            plain,
            "FAILED   public URL        it answers with 404 where Trello needs 200, as far as\n                           \
             this machine can tell\n         \
             fix: Pass everything below the public URL on to the service, and\n              \
             nothing else, unchanged.\n"
        );
    }

    #[test]
    fn what_a_server_repeats_of_a_secret_is_not_printed() {
        let report = Report {
            secrets: vec![SecretString::from("ATTA0123"), SecretString::from("404")],
            failed: 0,
            warnings: 0,
        };
        let finding = Finding::open("Trello", "404 Cannot GET /1/tokens/ATTA0123");
        let clean = report.without_secrets(&finding);
        assert_eq!(clean.detail, "404 Cannot GET /1/tokens/[redacted]");
    }

    #[test]
    fn the_last_line_counts() {
        let summary = |failed, warnings| {
            let report = Report {
                secrets: Vec::new(),
                failed,
                warnings,
            };
            report.summary()
        };
        assert_eq!(summary(0, 0), "nothing failed");
        assert_eq!(summary(0, 1), "nothing failed, 1 warning");
        assert_eq!(summary(2, 3), "2 failed, 3 warnings");
    }
}
