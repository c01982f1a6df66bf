//! The templates of the routes that are called: what may be counted of a path, which itself may hold ids.

/// The template of a path.
pub(super) fn route(path: &str) -> &'static str {
    let Some(path) = path.strip_prefix("/api/2.0/") else {
        return "other";
    };
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        ["files", "rooms"] => "/api/2.0/files/rooms",
        ["files", "rooms", _] => "/api/2.0/files/rooms/{id}",
        ["files", "rooms", _, "archive"] => "/api/2.0/files/rooms/{id}/archive",
        ["files", "rooms", _, "unarchive"] => "/api/2.0/files/rooms/{id}/unarchive",
        ["files", "rooms", _, "tags"] => "/api/2.0/files/rooms/{id}/tags",
        ["files", "rooms", _, "share"] => "/api/2.0/files/rooms/{id}/share",
        ["keys", "@self"] => "/api/2.0/keys/@self",
        ["people", "@self"] => "/api/2.0/people/@self",
        ["settings", "version", "build"] => "/api/2.0/settings/version/build",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_shows_no_id() {
        let table = [
            ("/api/2.0/files/rooms", "/api/2.0/files/rooms"),
            ("/api/2.0/files/rooms/17", "/api/2.0/files/rooms/{id}"),
            (
                "/api/2.0/files/rooms/17/archive",
                "/api/2.0/files/rooms/{id}/archive",
            ),
            (
                "/api/2.0/files/rooms/17/unarchive",
                "/api/2.0/files/rooms/{id}/unarchive",
            ),
            (
                "/api/2.0/files/rooms/17/tags",
                "/api/2.0/files/rooms/{id}/tags",
            ),
            (
                "/api/2.0/files/rooms/17/share",
                "/api/2.0/files/rooms/{id}/share",
            ),
            ("/api/2.0/keys/@self", "/api/2.0/keys/@self"),
            ("/api/2.0/files/17", "other"),
            ("/1/boards/5f0c", "other"),
        ];
        for (path, template) in table {
            assert_eq!(route(path), template, "{path}");
        }
    }
}
