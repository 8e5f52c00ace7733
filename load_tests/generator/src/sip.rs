//! As much SIP (RFC 3261) as a well-behaved caller and called party on a loss-free loopback need.

use std::net::SocketAddr;

/// The values of one header, in order; compact forms are known.
pub fn headers<'a>(message: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
    let compact = match name {
        "Via" => "v",
        "From" => "f",
        "To" => "t",
        "Call-ID" => "i",
        "Contact" => "m",
        _ => name,
    };
    message
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            let key = key.trim();
            (key.eq_ignore_ascii_case(name) || key.eq_ignore_ascii_case(compact))
                .then_some(value.trim())
        })
}

pub fn header<'a>(message: &'a str, name: &'a str) -> Option<&'a str> {
    headers(message, name).next()
}

/// The status of a response, None for a request.
pub fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

pub fn method(message: &str) -> &str {
    message.split(' ').next().unwrap_or_default()
}

/// The URI within a name-addr or addr-spec.
pub fn uri(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value),
    }
}

/// Where the SDP in this message wants its audio (RFC 8866 §5.7, §5.14).
pub fn audio_address(message: &str) -> Option<SocketAddr> {
    let line = |prefix: &str| message.lines().find_map(|line| line.strip_prefix(prefix));
    let ip = line("c=IN IP4 ")?.trim();
    let port = line("m=audio ")?.split(' ').next()?;
    format!("{ip}:{port}").parse().ok()
}

pub fn sdp(port: u16) -> String {
    sdp_of(port, 0, "PCMU/8000")
}

/// Audio in one codec.
pub fn sdp_of(port: u16, payload_type: u8, rtpmap: &str) -> String {
    format!(
        "v=0\r\no=load 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {rtpmap}\r\n\
         a=ptime:20\r\na=sendrecv\r\n"
    )
}

/// A response with the request's own Via, From, To, Call-ID and CSeq (§8.2.6); the tag goes to a To without one.
pub fn response(request: &str, status_line: &str, contact: &str, tag: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status_line}\r\n");
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in headers(request, name) {
            let tagged = name == "To" && !value.contains(";tag=");
            let suffix = if tagged {
                format!(";tag={tag}")
            } else {
                String::new()
            };
            text.push_str(&format!("{name}: {value}{suffix}\r\n"));
        }
    }
    text.push_str(&format!("Contact: <{contact}>\r\n"));
    with_body(text, body)
}

/// Close the header with the body's type and length.
pub fn with_body(mut text: String, body: &str) -> String {
    if !body.is_empty() {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str =
        "INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\n\
        To: <sip:a@b>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n\r\n\
        c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n";

    #[test]
    fn a_response_carries_the_requests_headers_and_a_tag() {
        let ok = response(INVITE, "200 OK", "sip:e@f", "9", "");
        assert_eq!(status(&ok), Some(200));
        assert_eq!(header(&ok, "Via"), Some("SIP/2.0/UDP x;branch=z9hG4bK1"));
        assert_eq!(header(&ok, "To"), Some("<sip:a@b>;tag=9"));
        assert_eq!(header(&ok, "Contact").map(uri), Some("sip:e@f"));
    }

    #[test]
    fn the_audio_address_is_read_from_the_session_description() {
        assert_eq!(
            audio_address(INVITE),
            Some("127.0.0.1:4000".parse().unwrap())
        );
        assert_eq!(audio_address("INVITE sip:a@b SIP/2.0\r\n\r\n"), None);
    }
}
