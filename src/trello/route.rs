//! The templates of the routes that are called: what may be shown and counted of a path, which itself may hold ids and the token.

/// The template of a path.
pub(super) fn route(path: &str) -> &'static str {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    match parts[..] {
        ["1", "members", "me"] => "/1/members/me",
        ["1", "members", "me", "organizations"] => "/1/members/me/organizations",
        ["1", "members", "me", "boards"] => "/1/members/me/boards",
        ["1", "organizations", _] => "/1/organizations/{id}",
        ["1", "organizations", _, "memberships"] => "/1/organizations/{id}/memberships",
        ["1", "organizations", _, "boards"] => "/1/organizations/{id}/boards",
        ["1", "boards", _] => "/1/boards/{id}",
        ["1", "batch"] => "/1/batch",
        ["1", "tokens", _] => "/1/tokens/{token}",
        ["1", "tokens", _, "webhooks"] => "/1/tokens/{token}/webhooks",
        ["1", "webhooks", ""] => "/1/webhooks/",
        ["1", "webhooks", _] => "/1/webhooks/{id}",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_shows_neither_id_nor_token() {
        let table = [
            ("/1/members/me", "/1/members/me"),
            ("/1/members/me/boards", "/1/members/me/boards"),
            (
                "/1/organizations/5f0c/boards",
                "/1/organizations/{id}/boards",
            ),
            ("/1/organizations/a%20name", "/1/organizations/{id}"),
            ("/1/boards/5f0c", "/1/boards/{id}"),
            ("/1/batch", "/1/batch"),
            ("/1/tokens/ATTAsecret", "/1/tokens/{token}"),
            (
                "/1/tokens/ATTAsecret/webhooks",
                "/1/tokens/{token}/webhooks",
            ),
            ("/1/webhooks/", "/1/webhooks/"),
            ("/1/webhooks/5f0c", "/1/webhooks/{id}"),
            ("/1/cards/5f0c", "other"),
        ];
        for (path, template) in table {
            assert_eq!(route(path), template, "{path}");
        }
    }
}
