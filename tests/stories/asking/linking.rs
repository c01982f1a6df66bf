//! What happens while a link takes the board's tag off other rooms, by the API.

use std::time::Duration;

use boardroom::sandbox::{Answer, BoardId, Effect, Fault, HandMadeRoom};
use serde_json::{Value, json};

use super::rooms::board_tag;
use crate::asking::Reader;
use crate::house::{House, Service, eventually};
use crate::visiting::Reply;

/// Long enough for what happens meanwhile, and shorter than what a person waits for an answer.
const SLOW: Duration = Duration::from_secs(7);

/// A board whose first room is about to lose its tag to another one.
struct Scene {
    house: House,
    reader: Reader,
    board: BoardId,
    first: u64,
    _service: Service,
}

impl Scene {
    async fn set() -> Self {
        let mut house = House::new().await;
        let visitor = house.administered();
        let service = house.start().await;
        let reader = Reader::new(&visitor).await;
        let board = house.board("Launch");
        house.status(&board, "mirrored").await;
        let first = house.docspace.rooms()[0].id;
        Self {
            house,
            reader,
            board,
            first,
            _service: service,
        }
    }

    /// A room that somebody made by hand, with the board's tag or without.
    fn by_hand(&self, title: &str, is_tagged: bool) -> u64 {
        let room = HandMadeRoom::titled(title).tag("Trello integration");
        let room = if is_tagged {
            room.tag(&board_tag(&self.board))
        } else {
            room
        };
        self.house.docspace.create_room(room)
    }

    /// Where the tags of the first room are changed.
    fn tags(&self) -> String {
        format!("/api/2.0/files/rooms/{}/tags", self.first)
    }

    async fn link(&self, room: u64) -> Reply {
        let path = format!("/boards/{}/room", self.board);
        self.reader.put(&path, &json!({ "room": room })).await
    }

    /// Links a room; something else happens when the first one is about to lose the tag for that. Says what became of the others.
    async fn link_while(&self, room: u64, meanwhile: impl Future<Output = ()>) -> Vec<Value> {
        let tags = self.tags();
        let slow = Effect::DelayBefore(SLOW);
        let slow = Fault::on("DELETE", &tags, slow).once();
        self.house.docspace.fail(slow);
        let meanwhile = async {
            eventually("the first room is to lose its tag", || async {
                self.house.docspace.requests_to("DELETE", &tags) > 0
            })
            .await;
            meanwhile.await;
        };
        let (linked, ()) = tokio::join!(self.link(room), meanwhile);
        assert_eq!(linked.status, 200, "{linked:?}");
        linked.json()["others"].as_array().unwrap().clone()
    }

    fn has_tag(&self, room: u64) -> bool {
        let tags = self.house.docspace.room(room).unwrap().tags;
        tags.contains(&board_tag(&self.board))
    }
}

fn of_room(others: &[Value], room: u64) -> &Value {
    let mut of_room = others.iter().filter(|other| other["room_id"] == room);
    of_room.next().unwrap()
}

#[tokio::test]
async fn of_two_people_who_link_at_a_time_the_first_leaves_the_room_of_the_other_alone() {
    let scene = Scene::set().await;
    let (early, late) = (scene.by_hand("Early", true), scene.by_hand("Late", true));
    let overtaking = async {
        assert_eq!(scene.link(late).await.status, 200);
    };
    let others = scene.link_while(early, overtaking).await;
    let left = of_room(&others, late);
    assert_eq!(left["untagged"], json!(false), "{others:?}");
    scene.house.status(&scene.board, "mirrored").await;
    let one = scene.reader.get(&format!("/boards/{}", scene.board)).await;
    assert_eq!(one.json()["room_id"], json!(late));
    assert!(scene.has_tag(late));
}

#[tokio::test]
async fn a_room_that_is_linked_while_it_loses_its_tag_gets_it_back() {
    let scene = Scene::set().await;
    let early = scene.by_hand("Early", false);
    let overtaking = async {
        assert_eq!(scene.link(scene.first).await.status, 200);
    };
    let others = scene.link_while(early, overtaking).await;
    let back = of_room(&others, scene.first);
    assert_eq!(back["untagged"], json!(false), "{others:?}");
    assert!(scene.has_tag(scene.first));
}

#[tokio::test]
async fn of_a_tag_that_cannot_be_given_back_it_is_said_that_it_may_be_lost() {
    let scene = Scene::set().await;
    let early = scene.by_hand("Early", false);
    let overtaking = async {
        assert_eq!(scene.link(scene.first).await.status, 200);
        // The look that follows has seen the tag.
        scene.house.status(&scene.board, "mirrored").await;
        let refused = Effect::Answer(Answer::text(400, "no"));
        scene
            .house
            .docspace
            .fail(Fault::on("PUT", &scene.tags(), refused).once());
    };
    let others = Box::pin(scene.link_while(early, overtaking)).await;
    let lost = of_room(&others, scene.first);
    assert_eq!(lost["untagged"], json!(true), "{others:?}");
    let said = lost["sentence"].as_str().unwrap();
    assert!(said.contains("link it once more: "), "{said}");
    assert!(!scene.has_tag(scene.first));
}

#[tokio::test]
async fn a_link_holds_although_the_database_fails_while_others_lose_their_tags() {
    let scene = Scene::set().await;
    let (early, late) = (scene.by_hand("Early", true), scene.by_hand("Late", true));
    let storage = &scene.house.storage;
    let failing = storage.execute("ALTER TABLE board RENAME TO hidden");
    let others = scene.link_while(early, failing).await;
    storage.execute("ALTER TABLE hidden RENAME TO board").await;
    let unchecked = of_room(&others, late);
    assert_eq!(unchecked["untagged"], json!(false), "{others:?}");
    let said = unchecked["sentence"].as_str().unwrap();
    assert!(said.contains("the database could not be asked"), "{said}");
    let one = scene.reader.get(&format!("/boards/{}", scene.board)).await;
    assert_eq!(one.json()["room_id"], json!(early));
    assert!(scene.has_tag(late) && !scene.has_tag(scene.first));
}
