//! What is counted over time: of all services together, for as long as it is shown.

use boardroom::store::{Deliveries as _, Figures, Grain, Sqlite};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::{Kept, empty};

impl Kept {
    async fn sum(&self, grain: Grain) -> Figures {
        let past = self.counted(grain).await.unwrap();
        let mut sum = Figures::default();
        for span in past.spans {
            assert_eq!(span.at.0 % grain.width(), 0, "{span:?}");
            assert!(span.at <= past.now, "{span:?}");
            sum += span.figures;
        }
        sum
    }
}

#[tokio::test]
async fn what_several_services_count_is_added_up_by_the_minute_and_by_the_hour() {
    let store = empty().await;
    for grain in Grain::ALL {
        assert!(store.sum(grain).await.is_zero());
    }
    let one = Figures {
        deliveries: 3,
        rooms: 1,
    };
    let another = Figures {
        deliveries: 40,
        rooms: 0,
    };
    let all = [one, another, one].map(|figures| store.count(figures));
    let [first, second, third] = all;
    let ended = tokio::join!(first, second, third);
    ended.0.unwrap();
    ended.1.unwrap();
    ended.2.unwrap();
    let sum = Figures {
        deliveries: 46,
        rooms: 2,
    };
    for grain in Grain::ALL {
        assert_eq!(store.sum(grain).await, sum);
    }
    // Three times at two moments at most: of a minute there is one row, whoever counted.
    let minutes = store.counted(Grain::Minute).await.unwrap().spans;
    assert!(minutes.len() <= 2, "{minutes:?}");
    assert!(!store.tidy().await.unwrap());
    assert_eq!(
        store.sum(Grain::Minute).await,
        sum,
        "what is shown is not tidied up"
    );
}

#[tokio::test]
async fn figures_that_are_shown_no_more_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = Sqlite::open(&path).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let old = "WITH RECURSIVE ago (hours) AS (SELECT 0 UNION ALL SELECT hours + 1 FROM ago WHERE hours < 400)
        INSERT INTO figure (width, at, deliveries, rooms)
        SELECT 60000, (unixepoch() / 60 - 60 * hours) * 60000, 1, 0 FROM ago
        UNION ALL SELECT 3600000, (unixepoch() / 3600 - hours) * 3600000, 1, 0 FROM ago";
    sqlx::raw_sql(old).execute(&mut raw).await.unwrap();
    let kept = async |raw: &mut SqliteConnection| -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM figure");
        count.fetch_one(raw).await.unwrap()
    };
    assert_eq!(kept(&mut raw).await, 802);
    assert!(!store.tidy().await.unwrap());
    // A day and an hour of minutes, a week and a day of hours, and at most one more of each, where an hour has just begun.
    let left = kept(&mut raw).await;
    assert!((25 + 192..=25 + 192 + 2).contains(&left), "{left}");
}
