//! Answers in Graph's form: the error envelope and the correlation headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fault::{Fault, FaultRule};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error as Graph words it. Codes of the calling service are numbers, those of the gateway are words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GraphError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

impl GraphError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "The request body is too large.")
    }

    pub(super) fn missing_permission() -> Self {
        let message = "Insufficient enterprise tenant permissions, cannot access this API.";
        Self::new(StatusCode::FORBIDDEN, "7504", message)
    }

    pub(super) fn wrong_tenant() -> Self {
        Self::new(StatusCode::FORBIDDEN, "7505", "Request authorization tenant mismatch.")
    }

    pub(super) fn call_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "8522", "Call not found.")
    }

    pub(super) fn conflict() -> Self {
        // The words are a guess: no public source shows this answer.
        Self::new(StatusCode::CONFLICT, "Conflict", "The call is being redirected already.")
    }

    /// The answer that a fault gives instead of Graph's; `None` when it does something else than answer.
    pub(super) fn of(rule: &FaultRule) -> Option<Self> {
        let unknown = |status| Self::new(status, "UnknownError", "An unexpected error occurred.");
        let retry_after = Some(rule.time()).filter(|time| !time.is_zero());
        Some(match rule.fault {
            Fault::Throttled => {
                let error =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Please retry again later.");
                Self { retry_after, ..error }
            }
            Fault::Unavailable => {
                let message = "The service is temporarily unavailable. Please retry.";
                let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message);
                Self { retry_after, ..error }
            }
            Fault::ServerError => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "9999", "Unknown internal server error.")
            }
            Fault::BadGateway => unknown(StatusCode::BAD_GATEWAY),
            Fault::GatewayTimeout => unknown(StatusCode::GATEWAY_TIMEOUT),
            Fault::Unauthorized => Self::unauthenticated("Lifetime validation failed, the token is expired."),
            Fault::NotRegistered => {
                Self::new(StatusCode::FORBIDDEN, "7503", "Application is not registered in our store.")
            }
            Fault::MissingPermission => Self::missing_permission(),
            Fault::WrongTenant => Self::wrong_tenant(),
            Fault::CallNotFound => Self::call_not_found(),
            _ => return None,
        })
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        let message = format!("Resource not found for the path '{path}'.");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    pub(super) fn wrong_method() -> Self {
        let message = "The method is not allowed on this resource.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }
}

/// The two ids that tie a request to its answer. Without a `client-request-id` Graph repeats its own.
pub(super) struct Correlation {
    request_id: HeaderValue,
    client_request_id: HeaderValue,
}

impl Correlation {
    pub(super) fn of(request: &HeaderMap) -> Self {
        let mut buffer = Uuid::encode_buffer();
        let request_id = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
        // A GUID is always a legal header value; the alternative is never taken.
        let request_id =
            HeaderValue::from_str(request_id).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let client_request_id = request.get(CLIENT_REQUEST_ID).unwrap_or(&request_id).clone();
        Self { request_id, client_request_id }
    }

    /// 202 with nothing in it: the redirect is accepted.
    pub(super) fn accepted(self) -> Response<Body> {
        self.finish(StatusCode::ACCEPTED, Body::empty())
    }

    pub(super) fn json(self, text: String) -> Response<Body> {
        let mut response = self.finish(StatusCode::OK, Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    }

    pub(super) fn error(self, error: &GraphError) -> Response<Body> {
        let text = |id: &HeaderValue| String::from_utf8_lossy(id.as_bytes()).into_owned();
        let mut body = json!({"error": {
            "code": error.code,
            "message": error.message,
            "innerError": {
                "date": timestamp(SystemTime::now()),
                "request-id": text(&self.request_id),
                "client-request-id": text(&self.client_request_id),
            },
        }});
        if error.status == StatusCode::TOO_MANY_REQUESTS
            && let Some(inner) = body.pointer_mut("/error/innerError").and_then(Value::as_object_mut)
        {
            // As the documentation of throttling shows it.
            inner.insert("code".to_owned(), "429".into());
            inner.insert("message".to_owned(), "Please retry after".into());
            inner.insert("status".to_owned(), "429".into());
        }
        let mut response = self.finish(error.status, Body::from(body.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        if let Some(Ok(seconds)) = error.retry_after.map(|time| retry_after(time).parse()) {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if error.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn finish(self, status: StatusCode, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(REQUEST_ID, self.request_id);
        response.headers_mut().insert(CLIENT_REQUEST_ID, self.client_request_id);
        response
    }
}

/// Whole seconds, or with a fraction as Graph's sample has them: `2.128`.
fn retry_after(time: Duration) -> String {
    if time.subsec_nanos() == 0 { time.as_secs().to_string() } else { format!("{:.3}", time.as_secs_f64()) }
}

/// `2026-01-31T12:00:00`, UTC without saying so, as in Graph's errors.
fn timestamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days since 1970, counting years from March so that the leap day comes last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_around_the_leap_day() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_798_761_599, "2026-12-31T23:59:59"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
