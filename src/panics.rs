//! Panics: each is a mistake of the program's, and each makes one line in the log, in the log's own form and without secrets.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// Whether somebody on this thread catches panics, and logs them with what he knows.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a panic said, and where; for the log alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

/// From now on panics that nobody catches are logged, not written to stderr as they are.
pub fn log_all() {
    std::panic::set_hook(Box::new(|panic| {
        let said = told(panic);
        if CATCHING.get() {
            CAUGHT.set(Some(said));
        } else {
            tracing::error!("the program panicked: {said}; please report this");
        }
    }));
}

/// Does something that may panic. Whatever it worked on must not be used any more when it has.
pub fn catch<T>(something: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(something));
    CATCHING.set(outer);
    done.map_err(|payload| {
        // Without our hook it is not known where.
        let said = CAUGHT.take();
        Panicked(said.unwrap_or_else(|| message(&*payload).to_owned()))
    })
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let said = message(panic.payload());
    match panic.location() {
        Some(place) => format!("{said} (at {}:{})", place.file(), place.line()),
        None => said.to_owned(),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_is_caught_and_what_does_not_is_left_alone() {
        assert_eq!(catch(|| 7), Ok(7));
        let inner = catch(|| {
            let caught = catch(|| panic!("number {}", 4)).map_err(|panicked: Panicked| panicked.0);
            assert!(caught.is_err_and(|said| said.starts_with("number 4")));
            assert!(CATCHING.get(), "the outer one still catches");
        });
        assert_eq!(inner, Ok(()));
        assert!(!CATCHING.get());
    }
}
