//! As much of HTTP/1.1 as a rehearsal needs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a patient shop client allows an answer; after it the request is sent again.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// No answer to a rehearsal is larger.
const BODY_MAX: u64 = 16 << 20;

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The `Location`, or nothing.
    pub(super) location: String,
    pub(super) body: String,
}

impl Answer {
    /// # Errors
    /// The answer, if it has another status.
    pub(super) fn expect(self, status: u16) -> io::Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(io::Error::other(format!("expected {status}, the answer was {}: {}", self.status, self.body)))
    }

    /// The text of the first member of this name in a body of compact JSON.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn text(&self, member: &str) -> io::Result<&str> {
        let found =
            self.body.split_once(&format!("\"{member}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
        found.map(|(text, _)| text).ok_or_else(|| io::Error::other(format!("no `{member}` in {}", self.body)))
    }
}

/// A connection that is opened when it is needed and kept open.
pub(super) struct Connection {
    address: SocketAddr,
    token: Option<String>,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, token: None, stream: None }
    }

    /// Logged in with this token.
    pub(super) fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    pub(super) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, "", "")
    }

    /// Sends JSON under an idempotency key.
    pub(super) fn post(&mut self, path: &str, key: &str, body: &str) -> io::Result<Answer> {
        self.send("POST", path, &format!("idempotency-key: {key}\r\n"), body)
    }

    pub(super) fn put(&mut self, path: &str, body: &str) -> io::Result<Answer> {
        self.send("PUT", path, "", body)
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let token = self
            .token
            .as_ref()
            .map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{token}{headers}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open()?,
        };
        stream.get_mut().write_all(request.as_bytes())?;
        let (answer, kept) = read(&mut stream)?;
        // After an error in between it is closed: what is left on it would be taken for the next answer.
        self.stream = kept.then_some(stream);
        Ok(answer)
    }

    fn open(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(BufReader::new(stream))
    }
}

/// Reads one answer; whether the connection can be used again.
fn read(stream: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let status_line = line(stream)?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("this is no HTTP: {status_line}")))?;
    let (mut length, mut kept, mut location) = (None, status_line.starts_with("HTTP/1.1"), String::new());
    loop {
        let header = line(stream)?;
        let Some((name, value)) = header.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse::<u64>().ok(),
            "connection" => kept &= !value.eq_ignore_ascii_case("close"),
            "location" => location = value.to_owned(),
            "transfer-encoding" => return Err(io::Error::other("an answer in chunks is not understood")),
            _ => {}
        }
    }
    let body = body(stream, length)?;
    Ok((Answer { status, location, body }, kept && length.is_some()))
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.take(BODY_MAX).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// As many bytes as were announced, or all there are.
fn body(stream: &mut impl BufRead, length: Option<u64>) -> io::Result<String> {
    let mut body = Vec::new();
    stream.take(length.unwrap_or(BODY_MAX).min(BODY_MAX)).read_to_end(&mut body)?;
    if length.is_some_and(|length| length != body.len() as u64) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_each_other_on_one_connection() {
        let said = "HTTP/1.1 201 Created\r\nLocation: /v1/orders/order_1\r\ncontent-length: 15\r\n\r\n\
                    {\"number\":\"A1\"}HTTP/1.1 503 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let mut stream = said.as_bytes();
        let (answer, kept) = read(&mut stream).expect("whole");
        assert_eq!((answer.status, answer.location.as_str(), kept), (201, "/v1/orders/order_1", true));
        assert_eq!(answer.text("number").expect("there"), "A1");
        assert!(answer.text("id").is_err() && answer.expect(200).is_err());
        let (answer, kept) = read(&mut stream).expect("whole");
        assert_eq!((answer.status, kept), (503, false));
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        for said in
            ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "garbage\r\n\r\n"]
        {
            assert!(read(&mut said.as_bytes()).is_err(), "{said}");
        }
        let (answer, kept) = read(&mut "HTTP/1.0 200 OK\r\n\r\nall".as_bytes()).expect("whole");
        assert_eq!((answer.body.as_str(), kept), ("all", false));
    }
}
