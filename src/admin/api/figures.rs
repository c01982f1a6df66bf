//! `/figures`: what was counted in the last hour, day or week, as the page draws it.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::admin::Watch;
use crate::admin::api::given::Parameters;
use crate::admin::pages::{Span, steps};
use crate::admin::refusal::{Reason, Refusal};
use crate::store::{Figures, Grain};

pub(super) async fn show(
    State(watch): State<Watch>,
    asked: Parameters,
) -> Result<Json<Value>, Refusal> {
    asked.only(&["span"])?;
    let span = span(asked.get("span"))?;
    let snapshot = watch.look().await;
    if !snapshot.is_read {
        return Err(Reason::DatabaseAway.into());
    }
    let past = match span.grain() {
        Grain::Minute => &snapshot.minutes,
        Grain::Hour => &snapshot.hours,
    };
    let (width, count) = span.bars();
    let steps = steps(&past.spans, past.now, width, count);
    let mut sum = Figures::default();
    for (_, figures) in &steps {
        sum += *figures;
    }
    let lines = steps.iter().map(|(from, figures)| {
        json!({
            "from": from.to_string(),
            "rooms_made": figures.rooms,
            "deliveries_received": figures.deliveries,
        })
    });
    Ok(Json(json!({
        "at": past.now.to_string(),
        "span": span.as_str(),
        "step_seconds": width.as_secs(),
        "rooms_made": sum.rooms,
        "deliveries_received": sum.deliveries,
        "steps": lines.collect::<Vec<_>>(),
    })))
}

/// The last hour unless another is asked for.
fn span(asked: Option<&str>) -> Result<Span, Refusal> {
    let Some(asked) = asked else {
        return Ok(Span::default());
    };
    let mut all = Span::ALL.into_iter();
    let found = all.find(|span| span.as_str() == asked);
    found.ok_or(Reason::NoSuchSpan.into())
}
