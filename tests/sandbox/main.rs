//! The sandbox by itself, over plain HTTP: it must be as unkind as the real services are.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod deliveries;
mod docspace;
mod faults;
mod receiver;
mod rooms;
mod trello;
mod webhooks;

use std::time::Duration;

use boardroom::sandbox::{DocSpace, Sandbox, Trello};
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;

/// Far longer than anything here takes, so that a failure fails and nothing flickers.
pub(crate) const SOON: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status and the body, for one assertion.
    pub(crate) fn said(&self) -> (u16, &str) {
        (self.status, &self.text)
    }
}

pub(crate) async fn answered(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

impl Lab {
    pub(crate) async fn new() -> Self {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(SOON)
            .build()
            .unwrap();
        Self {
            sandbox: Sandbox::start().await.unwrap(),
            client,
        }
    }

    pub(crate) fn trello(&self) -> &Trello {
        &self.sandbox.trello
    }

    pub(crate) fn docspace(&self) -> &DocSpace {
        &self.sandbox.docspace
    }

    /// A request to Trello with good credentials in the header.
    pub(crate) fn to_trello(&self, method: Method, path: &str) -> RequestBuilder {
        let trello = self.trello();
        let credentials = format!(
            r#"OAuth oauth_consumer_key="{}", oauth_token="{}""#,
            trello.key(),
            trello.token()
        );
        self.client
            .request(method, format!("{}/1{path}", trello.url()))
            .header("Authorization", credentials)
    }

    pub(crate) async fn ask_trello(&self, path: &str) -> Reply {
        answered(self.to_trello(Method::GET, path)).await
    }

    /// A request to DocSpace with a good key.
    pub(crate) fn to_docspace(&self, method: Method, path: &str) -> RequestBuilder {
        let docspace = self.docspace();
        self.client
            .request(method, format!("{}/api/2.0{path}", docspace.url()))
            .bearer_auth(docspace.api_key())
    }

    pub(crate) async fn ask_docspace(&self, path: &str) -> Reply {
        answered(self.to_docspace(Method::GET, path)).await
    }

    pub(crate) async fn send_docspace(&self, method: Method, path: &str, body: Value) -> Reply {
        answered(self.to_docspace(method, path).json(&body)).await
    }

    pub(crate) async fn create_room(&self, body: Value) -> Reply {
        self.send_docspace(Method::POST, "/files/rooms", body).await
    }
}
