//! Lists of boards, read on by cursors: those first that somebody should look at, and within a status and a reason in the order in which
//! they came to us.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use crate::admin::refusal::{Reason, Refusal};
use crate::desk::standings::{Filter, urgency};
use crate::store::{Cursor, Group, Sought, Standing, Store, StoreError, Words};

/// How long boards are looked through for one answer. What is not found by then is found by reading on.
const LOOKING: Duration = Duration::from_secs(1);

/// Where a list is read on: in which group, and after which of its boards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    group: Group,
    after: Cursor,
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) filter: Option<Filter>,
    pub(super) sought: Option<Sought>,
    pub(super) from: Option<Place>,
    pub(super) most: u32,
}

/// The next boards, and where to read on, if there may be more.
pub(super) async fn read(
    wanted: &Wanted,
    store: &dyn Store,
) -> Result<(Vec<Standing>, Option<Place>), StoreError> {
    let (begun, mut boards) = (Instant::now(), Vec::new());
    let mut groups = groups(wanted, store).await?.into_iter().peekable();
    while let Some(Place { group, after }) = groups.next() {
        let mut next = Some(after);
        while let Some(cursor) = next {
            let left = wanted.most - u32::try_from(boards.len()).unwrap_or(wanted.most);
            let is_late = wanted.sought.is_some() && begun.elapsed() >= LOOKING;
            if left == 0 || is_late {
                let after = cursor;
                return Ok((boards, Some(Place { group, after })));
            }
            let page = match &wanted.sought {
                None => store.standings(&group, cursor, left).await?,
                Some(sought) => store.search(&group, cursor, sought, left).await?,
            };
            boards.extend(page.rows);
            next = page.next;
        }
        if boards.len() >= wanted.most as usize {
            return Ok((boards, groups.next()));
        }
    }
    Ok((boards, None))
}

/// The groups to read, in order, from the place on. One in which no board stands any more is passed over.
async fn groups(wanted: &Wanted, store: &dyn Store) -> Result<Vec<Place>, StoreError> {
    let mut groups: Vec<Group> = store
        .groups()
        .await?
        .into_iter()
        .map(|(group, _)| group)
        .filter(|group| {
            wanted
                .filter
                .as_ref()
                .is_none_or(|filter| filter.takes(group))
        })
        .collect();
    groups.sort_by_cached_key(order);
    let from = wanted.from.as_ref();
    let first = from.map(|place| order(&place.group));
    let places = groups
        .into_iter()
        .filter(|group| first.as_ref().is_none_or(|first| order(group) >= *first))
        .map(|group| {
            let after = from.filter(|place| place.group == group);
            let after = after.map_or(Cursor::default(), |place| place.after);
            Place { group, after }
        });
    Ok(places.collect())
}

/// An order in which every group has a place of its own.
fn order(group: &Group) -> (u8, String, Option<String>) {
    let (status, reason) = match group {
        Group::All => (String::new(), None),
        Group::Twins => ("mirrored".to_owned(), Some("twins".to_owned())),
        Group::At(words) => (words.status.clone(), words.reason.clone()),
    };
    (urgency(group), status, reason)
}

/// A place as programs keep it between two requests. What is in it is our own affair.
pub(super) fn cursor(place: &Place) -> String {
    let Place { group, after } = place;
    let text = match group {
        Group::All => format!("a {after}"),
        Group::Twins => format!("t {after}"),
        Group::At(Words { status, reason }) => match reason {
            Some(reason) => format!("r {after} {status} {reason}"),
            None => format!("s {after} {status}"),
        },
    };
    URL_SAFE_NO_PAD.encode(text)
}

pub(super) fn place(cursor: &str) -> Result<Place, Refusal> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref()
        .and_then(parsed)
        .ok_or(Refusal::from(Reason::BadCursor))
}

fn parsed(text: &str) -> Option<Place> {
    let words = |status: &str, reason: Option<&str>| {
        Group::At(Words {
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        })
    };
    let parts: Vec<_> = text.splitn(4, ' ').collect();
    let (after, group) = match parts[..] {
        ["a", after] => (after, Group::All),
        ["t", after] => (after, Group::Twins),
        ["s", after, status] => (after, words(status, None)),
        ["r", after, status, reason] => (after, words(status, Some(reason))),
        _ => return None,
    };
    let after = after.parse().ok()?;
    Some(Place { group, after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let groups = [
            Group::All,
            Group::Twins,
            Group::At(Words {
                status: "mirrored".into(),
                reason: None,
            }),
            Group::At(Words {
                status: "failed".into(),
                reason: Some("a newer one's".into()),
            }),
        ];
        for group in groups {
            let here = Place {
                group,
                after: "77".parse().unwrap(),
            };
            assert_eq!(place(&cursor(&here)).unwrap(), here);
        }
        for wrong in ["", "x", "77", "dCB4", "dA"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
