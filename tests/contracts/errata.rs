//! Where the documents are known to be wrong, and what is right instead. A correction that nothing needs fails the test.

use serde_json::{Value, json};

/// One place of a document that is wrong.
#[derive(Debug)]
pub(crate) struct Erratum {
    /// A JSON pointer.
    pub(crate) at: &'static str,
    pub(crate) fault: Fault,
    /// What ought to be there.
    pub(crate) means: Value,
    pub(crate) why: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It says something else.
    Wrong,
    /// It says nothing.
    Missing,
}

impl Erratum {
    pub(crate) fn wrong(at: &'static str, means: Value, why: &'static str) -> Self {
        let fault = Fault::Wrong;
        Self {
            at,
            fault,
            means,
            why,
        }
    }

    pub(crate) fn missing(at: &'static str, means: Value, why: &'static str) -> Self {
        let fault = Fault::Missing;
        Self {
            at,
            fault,
            means,
            why,
        }
    }
}

/// Atlassian's document. Hardly anything is declared as nullable there.
pub(crate) fn trello() -> Vec<Erratum> {
    let id = json!({ "$ref": "#/components/schemas/TrelloID" });
    let mut all = trello_requests(&id);
    all.extend(trello_answers(&id));
    all
}

fn trello_requests(id: &Value) -> Vec<Erratum> {
    let me_or_id = json!({ "oneOf": [id, { "type": "string", "enum": ["me"] }] });
    let short_link = json!({ "type": "string", "minLength": 8, "maxLength": 8 });
    let name = json!({ "type": "string", "minLength": 3 });
    let board_fields = ["id", "name", "closed", "idOrganization", "shortLink"];
    vec![
        Erratum::wrong(
            "/paths/~1members~1{id}~1boards/get/parameters/0/schema",
            me_or_id.clone(),
            "`me` stands for the token's member everywhere; `GET /members/{id}` has the same parameter right",
        ),
        Erratum::wrong(
            "/paths/~1members~1{id}~1organizations/get/parameters/0/schema",
            me_or_id,
            "`me` stands for the token's member everywhere",
        ),
        Erratum::wrong(
            "/paths/~1boards~1{id}/parameters/0/schema",
            json!({ "oneOf": [id, short_link] }),
            "a path takes a short link in place of a board's id",
        ),
        Erratum::wrong(
            "/paths/~1organizations~1{id}/parameters/0/schema",
            json!({ "oneOf": [id, name] }),
            "its own description says: the id or the name",
        ),
        Erratum::missing(
            "/paths/~1organizations~1{id}/get/parameters/-",
            json!({
                "name": "fields", "in": "query", "description": "a comma-separated list",
                "schema": { "$ref": "#/components/schemas/OrganizationFields" },
            }),
            "undocumented here, and declared for every other object that we read; TrelloDotNet's GetOrganizationOptions has it",
        ),
        Erratum::missing(
            "/paths/~1organizations~1{id}~1memberships",
            json!({
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": id }],
                "get": { "responses": { "200": { "content": { "application/json": { "schema": {
                    "type": "array", "items": membership(id),
                } } } } } },
            }),
            "the document has `/boards/{id}/memberships` alone; trello.js has it as getOrganizationMemberships",
        ),
        Erratum::wrong(
            "/components/schemas/BoardFields",
            json!({ "type": "string", "enum": board_fields }),
            "`shortLink` is in the list that `GET /boards/{id}` describes in words; here stand those that we ask for",
        ),
        Erratum::wrong(
            "/components/schemas/OrganizationFields",
            json!({ "type": "string", "enum": ["id", "name", "displayName"] }),
            "by default the document itself asks for `name,displayName`",
        ),
    ]
}

fn membership(id: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["idMember", "memberType"],
        "properties": {
            "id": id,
            "idMember": id,
            "memberType": { "type": "string", "enum": ["admin", "normal", "observer"] },
            "unconfirmed": { "type": "boolean" },
            "deactivated": { "type": "boolean" },
        },
    })
}

fn trello_answers(id: &Value) -> Vec<Erratum> {
    let text_or_null = json!({ "type": "string", "nullable": true });
    vec![
        Erratum::wrong(
            "/components/schemas/Board/properties/idOrganization",
            json!({ "nullable": true, "$ref": id["$ref"] }),
            "null is a personal board's",
        ),
        Erratum::wrong(
            "/components/schemas/Board/properties/descData",
            json!({ "type": "object", "nullable": true }),
            "an object with the emoji of the description",
        ),
        Erratum::wrong(
            "/components/schemas/Prefs/properties/permissionLevel",
            json!({ "type": "string" }),
            "private, org, public, enterprise: an open list",
        ),
        Erratum::wrong(
            "/components/schemas/Prefs/properties/background",
            json!({ "type": "string" }),
            "a colour's or a picture's name as well as an id",
        ),
        Erratum::wrong(
            "/components/schemas/TokenPermission/properties/modelType",
            json!({ "type": "string" }),
            "with a capital in newer examples, `*` in Trello's own of 2011: an open list, which we do not read",
        ),
        Erratum::wrong(
            "/components/schemas/Member/properties/avatarHash",
            text_or_null.clone(),
            "null for a member without a picture, as in every action",
        ),
        Erratum::wrong(
            "/components/schemas/Member/properties/avatarUrl",
            json!({ "type": "string", "format": "url", "nullable": true }),
            "null for a member without a picture, as in every action",
        ),
        Erratum::wrong(
            "/components/schemas/Member/properties/uploadedAvatarHash",
            text_or_null,
            "null for a member without a picture",
        ),
        Erratum::wrong(
            "/components/schemas/Member/properties/bioData",
            json!({ "type": "object", "nullable": true }),
            "null beside an empty biography, as `descData` beside an empty description",
        ),
        Erratum::wrong(
            "/components/schemas/Member/properties/idEnterprise",
            json!({ "nullable": true, "$ref": id["$ref"] }),
            "null outside of an enterprise",
        ),
    ]
}

/// ONLYOFFICE's document.
pub(crate) fn docspace() -> Vec<Erratum> {
    let build = json!({ "type": "object", "required": ["docSpace"], "properties": {
        "docSpace": { "type": "string" },
        "documentServer": { "type": "string", "nullable": true },
    } });
    let build = json!({ "type": "object", "properties": { "response": build } });
    vec![
        Erratum::wrong(
            "/components/schemas/ApiDateTime",
            json!({ "type": "string", "format": "date-time" }),
            "serialised as one text (common/ASC.Api.Core/Core/ApiDateTime.cs)",
        ),
        Erratum::wrong(
            "/components/schemas/FolderContentDtoInteger/properties/folders/items",
            json!({ "$ref": "#/components/schemas/FolderDtoInteger" }),
            "rooms in a list are told in full, as a room alone is",
        ),
        Erratum::wrong(
            "/components/schemas/FileEntryBaseDto/properties/shortWebUrl",
            json!({ "type": "string", "nullable": true }),
            "empty where there is no short link",
        ),
        Erratum::wrong(
            "/components/schemas/SortOrder",
            json!({ "type": "string", "enum": ["ascending", "descending"] }),
            "a query takes its names, as C# binds an enum from a query",
        ),
        Erratum::missing(
            "/paths/~1api~12.0~1settings~1version~1build",
            json!({ "get": { "responses": { "200": { "content": { "application/json": {
                "schema": build,
            } } } } } }),
            "open to everybody and hidden from the document (AllowAnonymous)",
        ),
    ]
}
