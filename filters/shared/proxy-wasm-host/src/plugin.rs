//! One plugin on one worker: its configuration, its streams, its ticks and calls.

use std::rc::Rc;

use http_filter::{Answer, CallId, Filter, Time, WorkerEvent};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::abi::{self, Buffer};
use crate::effects::{ProcessEnvironment, Proxy};
use crate::logger;
use crate::message::CallAnswer;
use crate::stream::HttpStream;
use crate::waiting::Waiting;

/// One plugin on one worker.
pub(crate) struct Plugin<F: Filter> {
    /// The number by which the proxy knows it.
    id: u32,
    /// `None` until a configuration was accepted.
    filter: Option<F>,
    waiting: Rc<Waiting<F>>,
}

impl<F: Filter> Plugin<F> {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            filter: None,
            waiting: Rc::default(),
        }
    }

    fn handle(&mut self, event: WorkerEvent<'_>) {
        let Some(filter) = &mut self.filter else {
            return;
        };
        let mut proxy = Proxy::default();
        filter.handle(Time::from_nanoseconds(abi::now()), event, &mut proxy);
        if proxy.wakes {
            self.waiting.wake(self.id);
        }
    }
}

impl<F: Filter> Context for Plugin<F> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        let answer = CallAnswer { body_size };
        let answer = (headers > 0).then_some(&answer as &dyn Answer);
        self.handle(WorkerEvent::CallAnswered {
            call: CallId(token),
            answer,
        });
    }
}

impl<F: Filter> RootContext for Plugin<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        logger::follow_level(abi::now());
        let json = if size == 0 {
            Ok(Vec::new())
        } else {
            abi::buffer(Buffer::PluginConfiguration, size)
        };
        let Ok(json) = json else {
            log::error!("{}: its pluginConfig can't be read", F::NAME);
            return false;
        };
        match F::configure(&json, &ProcessEnvironment) {
            Ok(filter) => {
                if let Some(period) = filter.tick_period_milliseconds()
                    && let Err(failed) = abi::set_tick_period(period)
                {
                    log::error!("{}: no tick period can be set: {failed:?}", F::NAME);
                    return false;
                }
                self.filter = Some(filter);
                true
            }
            Err(error) => {
                log::error!("{}: {error}", F::NAME);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.handle(WorkerEvent::Tick);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let state = self.filter.as_ref().map(Filter::open);
        let stream = HttpStream::<F>::new(id, state, Rc::clone(&self.waiting));
        Some(Box::new(stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
