//! The heavy parts of a board: its preferences with all their pictures, and the names of its labels.

use serde_json::{Map, Value, json};

use super::world::Board;

pub(super) fn prefs(board: &Board) -> Value {
    let picture = "https://trello-backgrounds.s3.amazonaws.com/SharedBackground";
    let scaled: Vec<Value> = [
        (140, 93),
        (256, 171),
        (480, 320),
        (960, 640),
        (1024, 683),
        (1280, 853),
        (1920, 1280),
        (2048, 1365),
        (2400, 1600),
    ]
    .iter()
    .map(|(width, height)| {
        let url =
            format!("{picture}/{width}x{height}/0f4c51f2a2d1b3a8a3c8c0d5b6a79e10/harbour.webp");
        json!({ "width": width, "height": height, "url": url })
    })
    .collect();
    json!({
        "permissionLevel": board.visibility.name(),
        "hideVotes": false,
        "voting": "disabled",
        "comments": "members",
        "invitations": "members",
        "selfJoin": true,
        "cardCovers": true,
        "showCompleteStatus": true,
        "cardCounts": false,
        "isTemplate": board.template,
        "cardAging": "regular",
        "calendarFeedEnabled": false,
        "hiddenPluginBoardButtons": [],
        "switcherViews": views(),
        "autoArchive": null,
        "background": "harbour",
        "backgroundColor": null,
        "backgroundDarkColor": null,
        "backgroundImage": format!("{picture}/original/0f4c51f2a2d1b3a8a3c8c0d5b6a79e10/harbour.webp"),
        "backgroundDarkImage": null,
        "backgroundImageScaled": scaled,
        "backgroundTile": false,
        "backgroundBrightness": "dark",
        "sharedSourceUrl": null,
        "backgroundBottomColor": "#1b3a4b",
        "backgroundTopColor": "#aac7d8",
        "canBePublic": true,
        "canBeEnterprise": true,
        "canBeOrg": true,
        "canBePrivate": true,
        "canInvite": true,
    })
}

fn views() -> Value {
    ["Board", "Table", "Calendar", "Dashboard", "Timeline", "Map"]
        .iter()
        .map(|view| json!({ "viewType": view, "enabled": *view == "Board" }))
        .collect()
}

pub(super) fn label_names() -> Value {
    let colours = [
        "green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black",
    ];
    let mut names = Map::new();
    for shade in ["", "_dark", "_light"] {
        for colour in colours {
            names.insert(format!("{colour}{shade}"), json!(""));
        }
    }
    Value::Object(names)
}
