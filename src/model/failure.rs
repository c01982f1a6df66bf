//! What can go wrong, as stable codes with a sentence and a fix for people.

use std::fmt;
use std::str::FromStr;

/// A failure as it is kept and shown. `detail` holds no secret and no server's stack trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    pub detail: String,
}

impl Failure {
    #[must_use]
    pub fn new(code: Code, detail: impl fmt::Display) -> Self {
        Self {
            code,
            detail: detail.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.sentence(), self.detail)
    }
}

/// One row per code: its stored name, what it means, what to do.
macro_rules! codes {
    ($($code:ident $name:literal $sentence:literal $fix:literal)+) => {
        /// A stable code: scripts and alerts may rest on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $sentence] $code),+ }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name),+ }
            }

            /// What happened, without a full stop.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$code => $sentence),+ }
            }

            /// What to do about it.
            #[must_use]
            pub fn fix(self) -> &'static str {
                match self { $(Self::$code => $fix),+ }
            }
        }
    };
}

codes! {
    TrelloUnauthorized "trello_unauthorized"
        "Trello refuses the key or the token"
        "Make a new token with the link in the README, set TRELLO_API_KEY and TRELLO_TOKEN, and restart."
    TrelloForbidden "trello_forbidden"
        "Trello does not allow this call"
        "Use the token of a member who may see the workspace; a workspace's plan may restrict its API, too."
    TrelloNotFound "trello_not_found"
        "Trello does not know what was asked for"
        "Check BOARDROOM_TRELLO_API_URL if this concerns more than one board."
    TrelloRateLimited "trello_rate_limited"
        "Trello says that too many requests were made"
        "Nothing to do: it goes on by itself. If it happens often, look for other programs that use this token, and set BOARDROOM_SWEEP_EVERY to 30s or more."
    TrelloUnavailable "trello_unavailable"
        "Trello answers with errors of its own"
        "Nothing to do: it goes on by itself. https://trello.status.atlassian.com tells of outages."
    TrelloUnreachable "trello_unreachable"
        "Trello cannot be reached"
        "Check the network, the name server and the proxy (HTTPS_PROXY) of this machine."
    TrelloRejected "trello_rejected"
        "Trello refuses the request as malformed"
        "Report this: the answer is in the detail."
    TrelloUnintelligible "trello_unintelligible"
        "The answer is not one of Trello's"
        "Check BOARDROOM_TRELLO_API_URL and whether a proxy answers in Trello's place."
    BoardNotVisible "board_not_visible"
        "This token may not see the board"
        "Make the token's member an admin of the workspace, or a member of the board."
    BoardNotFound "board_not_found"
        "Trello knows no such board"
        "Nothing to do if it was deleted."
    DocSpaceUnauthorized "docspace_unauthorized"
        "DocSpace refuses the API key"
        "Make a new API key (Settings, Developer tools, API keys), set ONLYOFFICE_API_KEY, and restart."
    DocSpaceForbidden "docspace_forbidden"
        "DocSpace does not allow this call"
        "The key needs the scope rooms:write and an owner who may create rooms (DocSpace admin or room admin)."
    DocSpaceQuotaFull "docspace_quota_full"
        "The plan of this DocSpace has no room left"
        "Archive rooms that are not needed, or take a larger plan: it goes on by itself."
    DocSpacePaymentRequired "docspace_payment_required"
        "This DocSpace is not paid for"
        "Renew the subscription: it goes on by itself."
    DocSpaceNotFound "docspace_not_found"
        "DocSpace does not know what was asked for"
        "Check ONLYOFFICE_API_HOST: a wrong or suspended portal answers so."
    DocSpaceRateLimited "docspace_rate_limited"
        "DocSpace says that too many requests were made"
        "Nothing to do: it goes on by itself."
    DocSpaceUnavailable "docspace_unavailable"
        "DocSpace answers with errors of its own"
        "Nothing to do: it goes on by itself. If it lasts, look into the logs of your DocSpace."
    DocSpaceUnreachable "docspace_unreachable"
        "DocSpace cannot be reached"
        "Check ONLYOFFICE_API_HOST, the network, and BOARDROOM_DOCSPACE_CA_FILE for a certificate of your own."
    DocSpaceRejected "docspace_rejected"
        "DocSpace refuses the room"
        "The detail says why; BOARDROOM_ROOM_TYPE, BOARDROOM_ROOM_TAGS and BOARDROOM_ROOM_PRIVATE decide what is asked for."
    DocSpaceRedirected "docspace_redirected"
        "DocSpace answers with a redirect, which would turn a create into a read"
        "Set ONLYOFFICE_API_HOST to the final address; most often it lacks https://."
    DocSpaceUnintelligible "docspace_unintelligible"
        "The answer is not one of DocSpace's"
        "Check ONLYOFFICE_API_HOST and whether a proxy answers in DocSpace's place."
    PrivateRoomRefused "private_room_refused"
        "DocSpace refuses a private room"
        "`private` means end-to-end encrypted and needs encryption keys of the API key's owner; set BOARDROOM_ROOM_PRIVATE=false: rooms are open to their members only, anyway."
    DocSpaceOperationStalled "docspace_operation_stalled"
        "DocSpace does not carry out an archive or a restore that it has accepted"
        "If the plan is full, archive rooms or take a larger plan; else look at the worker service of your DocSpace. It goes on by itself."
    BrakeOn "brake_on"
        "More was about to happen at once than the brake allows"
        "Look at what waits (boardroom boards --status waiting); if it is what you want: boardroom release."
    TwinRooms "twin_rooms"
        "Two rooms carry the tag of one board"
        "Say which one is right: boardroom link BOARD ROOM."
    TrelloTokenExpires "trello_token_expires"
        "The Trello token expires soon"
        "Make a new token with the link in the README, set TRELLO_TOKEN, and restart; its webhooks are registered anew."
    WorkspaceAdminLost "workspace_admin_lost"
        "The token's member is no admin of a watched workspace"
        "Make the member an admin of the workspace, or private boards of others in it get no rooms and are not followed."
    WorkspaceLeft "workspace_left"
        "The token's member belongs no more to a workspace that was watched"
        "Invite the member again, as an admin; until then the rooms of its boards are kept as they are. If it was left on purpose, name those that are meant in BOARDROOM_WORKSPACES."
    WebhookFailing "webhook_failing"
        "Trello reports that its deliveries fail"
        "Check the public URL with `boardroom check`, and the reverse proxy before it; sweeps find what is missed."
    WebhookDead "webhook_dead"
        "A webhook was switched off by Trello or was gone"
        "Nothing to do: it is there again, and a sweep looks for what was missed. If it happens often, check the public URL with `boardroom check`."
    WebhookRefused "webhook_refused"
        "Trello does not register a webhook"
        "Check the public URL with `boardroom check`: Trello must reach it and get 200; sweeps find what is missed."
    RoomTaken "room_taken"
        "The room found for this board is recorded for another board"
        "Remove one of the two `Trello board …` tags from the room in DocSpace."
    NoticeUndelivered "notice_undelivered"
        "A notice could not be posted"
        "Try BOARDROOM_NOTIFY_URL with `boardroom notify`; notices are kept for 3 days and tried again."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| format!("unknown code `{text}`"))
    }
}

/// Whose fault a failed call can be, by its answer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// The service's or the key's: a neutral read decides.
    Service,
    /// This call's alone.
    Call,
}
