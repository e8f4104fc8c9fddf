//! Asking a second provider when the first one fails.
//!
//! The call passes no filter and no route, so the request is made ready here, by the same
//! functions as the first one: [`translate::prepare`] for the body, [`outgoing::headers`] for the
//! rest. The answer comes whole: a client that asked for a stream gets all its events at once.

use event_stream::is_event_stream;
use facts::{key, publish_usage};
use http_filter::{Answer, Call, CallId, Change, Headers, Host, Metric, Time};
use llm_api::{Api, Endpoint, Request, Usage};

use crate::NAME;
use crate::answer::{Answering, DROPPED_HEADER, Provenance};
use crate::catalog::Target;
use crate::config::Routing;
use crate::credential_refused;
use crate::outgoing::{self, ClientHeaders};
use crate::response_headers::{forget_failure, is_coded, is_json, status};
use crate::translate::anthropic::answer;
use crate::translate::anthropic::stream::ChatStream;
use crate::translate::{self, AnswerForm, BodyForm, Prepared};

/// A second provider for a request, with what it takes to ask it.
pub(crate) struct Alternative {
    pub(crate) target: Target,
    pub(crate) endpoint: Endpoint,
    pub(crate) client: ClientHeaders,
    /// The body as the client's API has it.
    pub(crate) body: Vec<u8>,
}

/// A second provider that has been asked.
pub(crate) struct Asked {
    pub(crate) call: CallId,
    provenance: Provenance,
}

/// What a second provider's answer becomes.
struct Substitute {
    status: u16,
    content_type: Vec<u8>,
    request_id: Option<Vec<u8>>,
    body: Vec<u8>,
    usage: Option<Usage>,
}

/// Whether an answer says that its provider can't answer now, though another one might.
pub(crate) fn is_due(headers: &dyn Headers) -> bool {
    reason(status(headers)).is_some()
}

/// The statuses for which another provider is asked, as the metric names them.
fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        // Anthropic's own for "overloaded".
        529 => "529",
        _ => return None,
    })
}

impl Alternative {
    /// Asks the second provider. `None` when it can't be asked: the request can't be said in its
    /// API, there is no credential for it, or the proxy doesn't take the call.
    pub(crate) fn ask(
        self,
        first: &Provenance,
        routing: &Routing,
        host: &mut dyn Host,
    ) -> Option<Asked> {
        let Prepared {
            body,
            answer,
            dropped,
        } = self.prepare()?;
        let body = match &body {
            BodyForm::Unchanged => &self.body,
            BodyForm::Changed(changed) => changed,
        };
        let call = self.call(body, first.api, routing, host)?;
        let provenance = Provenance {
            target: self.target,
            requested: first.requested.clone(),
            answer,
            dropped,
            api: first.api,
        };
        Some(Asked { call, provenance })
    }

    fn prepare(&self) -> Option<Prepared> {
        let request = Request::parse(self.endpoint, &self.body).ok()?;
        translate::prepare(self.endpoint, &request, &self.body, &self.target).ok()
    }

    fn call(
        &self,
        body: &[u8],
        client: Api,
        routing: &Routing,
        host: &mut dyn Host,
    ) -> Option<CallId> {
        let provider = &self.target.provider;
        let decision = outgoing::decision(provider, self.endpoint, client);
        let Ok(headers) = outgoing::headers(&decision, &routing.credentials, &self.client) else {
            let name = &provider.name;
            log::error!("{NAME}: there is no credential for the fallback {name}");
            return None;
        };
        let mut all = vec![
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", provider.host.as_str()),
            (":path", decision.path.as_str()),
        ];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let call = Call {
            cluster: &provider.cluster,
            headers: &all,
            body,
            timeout_milliseconds: routing.limits.fallback_timeout_milliseconds,
        };
        host.call(&call).ok()
    }
}

impl Asked {
    /// Puts the second provider's answer in the place of the first one's, whose headers these
    /// are. `None`, and nothing is changed, when the second one has failed too.
    pub(crate) fn answered(
        &self,
        answer: Option<&dyn Answer>,
        first: &Provenance,
        routing: &Routing,
        now: Time,
        headers: &mut dyn Headers,
        host: &mut dyn Host,
    ) -> Option<Answering> {
        let target = &self.provenance.target;
        let name = target.provider.name.as_str();
        let reason = reason(status(headers))?;
        let Some(substitute) = self.substitute(answer, routing, now, host) else {
            log::warn!("{NAME}: the fallback {name} failed too");
            return None;
        };
        target.publish(host);
        host.publish(key::FALLBACK, name.as_bytes());
        if let Some(usage) = substitute.usage {
            publish_usage(host, usage);
        }
        host.record(Metric {
            name: "ai_fallbacks_total",
            labels: &[
                ("provider", first.target.provider.name.as_str()),
                ("fallback_to", name),
                ("reason", reason),
            ],
            change: Change::Add(1),
        });
        forget_failure(headers);
        headers.set(":status", substitute.status.to_string().as_bytes());
        headers.set("content-type", &substitute.content_type);
        if let Some(id) = &substitute.request_id {
            headers.set("x-request-id", id);
        }
        if let Some(dropped) = self.provenance.dropped.header() {
            headers.set(DROPPED_HEADER, dropped.as_bytes());
        }
        Some(Answering::Replaced(substitute.body))
    }

    /// An answer that is whole, good and of the form that was asked for.
    fn substitute(
        &self,
        answer: Option<&dyn Answer>,
        routing: &Routing,
        now: Time,
        host: &mut dyn Host,
    ) -> Option<Substitute> {
        let answer = answer?;
        let status = answer.status()?;
        if credential_refused::is_told_by(status) {
            credential_refused::log(&self.provenance.target.provider, status);
        }
        if !(200..300).contains(&status) {
            return None;
        }
        let coding = answer.header("content-encoding").unwrap_or_default();
        let content_type = answer.header("content-type").unwrap_or_default();
        let form = self.provenance.answer;
        let of_form = if form.stream() {
            is_event_stream
        } else {
            is_json
        };
        if is_coded(&coding) || !of_form(&content_type) {
            return None;
        }
        let body = answer.body(routing.limits.answer_bytes).ok()?;
        let (body, usage) = self.translate(&body, now, host)?;
        let request_id = answer
            .header("request-id")
            .or_else(|| answer.header("x-request-id"));
        Some(Substitute {
            status,
            content_type,
            request_id,
            body,
            usage,
        })
    }

    /// In the client's API. Where that is the provider's own, nobody reads the usage here.
    fn translate(
        &self,
        body: &[u8],
        now: Time,
        host: &mut dyn Host,
    ) -> Option<(Vec<u8>, Option<Usage>)> {
        match self.provenance.answer {
            AnswerForm::Same { .. } => Some((body.to_vec(), None)),
            AnswerForm::Chat(chat) if chat.stream => {
                let begun = self.provenance.begun(now, host);
                let mut stream = ChatStream::new(begun, chat.include_usage);
                let mut out = Vec::new();
                stream.push(body, &mut out);
                stream.finish(&mut out);
                stream.is_complete().then(|| (out, stream.usage()))
            }
            AnswerForm::Chat(_) => {
                let begun = self.provenance.begun(now, host);
                let whole = answer::translate(body, &begun).ok()?;
                Some((whole.body, Some(whole.usage)))
            }
        }
    }
}
