//! Asking where the answer hardly matters: whoever is told something, and whoever waits for a heartbeat.

use crate::api::{Caller, Reply, SendError, begin};

/// How much is read of an answer that hardly matters: far more than is repeated, for secrets are blotted out before it is cut.
const LONGEST_HEAD: usize = 16 << 10;

/// Sends one request whose answer hardly matters: the body of a success is not read at all, and of any other only the beginning, as far
/// as it comes.
pub async fn knock(request: reqwest::RequestBuilder, caller: &Caller) -> Result<Reply, SendError> {
    let (mut response, mut reply) = begin(request, caller).await?;
    if response.status().is_success() {
        return Ok(reply);
    }
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if reply.body.len() + piece.len() <= LONGEST_HEAD => {
                reply.add(&piece)?;
            }
            Ok(Some(piece)) => {
                reply.add(&piece[..LONGEST_HEAD - reply.body.len()])?;
                reply.forget_tail();
                return Ok(reply);
            }
            Ok(None) => return Ok(reply),
            // The status is known; the text ends where the connection does.
            Err(_) => {
                reply.forget_tail();
                return Ok(reply);
            }
        }
    }
}

impl Reply {
    /// Of a text that was cut, the end may be the beginning of a secret, which nobody could recognise: it goes.
    fn forget_tail(&mut self) {
        let text = String::from_utf8_lossy(&self.body);
        let clean = self.redactor.clean(&text);
        // A character that was cut has become a longer one.
        let tail = self.redactor.longest() + char::REPLACEMENT_CHARACTER.len_utf8();
        let end = clean.floor_char_boundary(clean.len().saturating_sub(tail));
        self.body = clean[..end].as_bytes().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::{ExposeSecret as _, SecretString};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::api::{Options, client};
    use crate::redact::Redactor;

    /// What `knock` makes of an answer of a server that then says nothing more: it closes the connection, or keeps it open.
    async fn knocked(answer: String, closes: bool, secret: &SecretString) -> Reply {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _: usize = stream.read(&mut head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            if closes {
                drop(stream);
            } else {
                std::future::pending::<()>().await;
            }
        };
        let options = Options {
            timeout: Duration::from_millis(500),
            ..Options::default()
        };
        let caller = Caller {
            redactor: Redactor::new([secret]),
            ..Caller::default()
        };
        let request = client(&options).unwrap().get(url);
        let knock = knock(request, &caller);
        tokio::pin!(knock);
        tokio::select! {
            reply = &mut knock => reply.unwrap(),
            () = server => knock.await.unwrap(),
        }
    }

    #[tokio::test]
    async fn no_part_of_a_secret_is_repeated_wherever_an_answer_is_cut() {
        let secret = SecretString::from("T0SECRET/B0SECRET/abcdefghijklmnop");
        let word = secret.expose_secret();
        // Over the end of what is repeated, of what is read, and of a connection that is lost.
        for (before, after, length) in [(280, 40, 354), (LONGEST_HEAD - 9, 9_000, 99_999)] {
            let head = "e ".repeat(before / 2);
            let body = format!("{head}{word}{}", "x".repeat(after));
            let answer =
                format!("HTTP/1.1 404 Not Found\r\nContent-Length: {length}\r\n\r\n{body}");
            let said = knocked(answer, true, &secret).await;
            assert!(said.body.starts_with(b"e e "), "{said:?}");
            assert!(!said.quote().contains("T0"), "{}", said.quote());
            let kept = String::from_utf8_lossy(&said.body);
            assert!(before == 280 || !kept.contains("T0"), "{kept}");
        }
        let head = "e ".repeat(100);
        let answer = format!(
            "HTTP/1.1 503 Busy\r\nContent-Length: 999\r\n\r\n{head}{}",
            &word[..20]
        );
        for closes in [true, false] {
            let said = knocked(answer.clone(), closes, &secret).await;
            assert_eq!(said.status, 503);
            let quote = said.quote();
            assert!(quote.starts_with("e e") && !quote.contains("T0"), "{quote}");
        }
    }

    #[tokio::test]
    async fn a_success_is_one_whatever_becomes_of_its_body() {
        let secret = SecretString::from("T0SECRET");
        let answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\nta";
        for closes in [true, false] {
            let reply = knocked(answer.to_owned(), closes, &secret).await;
            assert_eq!((reply.status, reply.body.len()), (202, 0));
        }
    }
}
