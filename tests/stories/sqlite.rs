//! What is told of a database in a file alone: the way back to a backup.

use std::fs;

use crate::house::House;

#[tokio::test]
async fn after_the_way_back_to_a_backup_no_board_gets_a_second_room() {
    let mut house = House::new().await;
    let service = house.start().await;
    house.board("Before the backup");
    house.rooms(1).await;
    let backup = house.command(&["backup", "copy.db"]).status().unwrap();
    assert!(backup.success());
    let after = house.board("After the backup");
    house.rooms(2).await;
    service.stop().await;

    // As the README has it: the copy takes the place of the file, and the neighbours of that one go.
    let file = house.path("data/boardroom.db");
    fs::rename(house.path("copy.db"), &file).unwrap();
    for neighbour in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{neighbour}", file.display()));
    }
    let _service = house.start().await;
    house.status(&after, "mirrored").await;
    house.board("After the way back");
    house.rooms(3).await;
}
