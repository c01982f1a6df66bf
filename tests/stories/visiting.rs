//! Somebody who speaks to an admin listener, and what is answered.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::house::SOON;

pub(crate) const TOKEN: &str = "hidden-admin-token-0123";

/// An answer of the admin listener.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        let code = self.json()["error"]["code"].as_str().map(str::to_owned);
        code.unwrap_or_else(|| panic!("{self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("{name}: {self:?}"))
            .to_str()
            .unwrap()
    }
}

/// Somebody who speaks to an admin listener.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) port: u16,
    client: reqwest::Client,
    headers: Vec<(&'static str, String)>,
}

impl Visitor {
    pub(crate) fn at(port: u16) -> Self {
        let options = boardroom::api::Options {
            timeout: SOON,
            ..Default::default()
        };
        let client = boardroom::api::client(&options).unwrap();
        Self {
            port,
            client,
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.into()));
        other
    }

    /// From another address of this machine.
    pub(crate) fn from(&self, address: [u8; 4]) -> Self {
        let client = reqwest::Client::builder()
            .local_address(std::net::IpAddr::from(address))
            .build()
            .unwrap();
        Self {
            client,
            ..self.clone()
        }
    }

    pub(crate) fn with_token(&self) -> Self {
        self.with("authorization", format!("Bearer {TOKEN}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(reqwest::Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&str>) -> Reply {
        self.send(reqwest::Method::POST, path, body).await
    }

    pub(crate) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&str>,
    ) -> Reply {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = self.client.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// What the form of the page sends.
    pub(crate) async fn log_in(&self, token: &str) -> Reply {
        let form = self.with("content-type", "application/x-www-form-urlencoded");
        form.post("/login", Some(&format!("token={token}"))).await
    }
}
