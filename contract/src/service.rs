use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_types::Fault;

/// Encodes a message as MessagePack with named fields, so that another version can read it.
#[doc(hidden)]
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, Fault> {
    rmp_serde::to_vec_named(message).map(Bytes::from).map_err(|_| Fault::Internal {})
}

/// Decodes a message; unknown fields are ignored, so that a newer version can write it.
#[doc(hidden)]
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    rmp_serde::from_slice(body).map_err(|error| Fault::invalid("", "undecodable", error.to_string()))
}

/// Declares a service: the trait, `Remote` (a client over any `Call`) and `Local` (a dispatcher for the house).
///
/// Every method takes the context and one message, so that a call looks the same whether it stays or travels.
///
/// A method marked `idempotent;` may be asked again when its answer was lost; one marked `keyed;` if the request has an
/// idempotency key, under which the house does it once. Without a mark a lost answer goes to the caller as an error.
///
/// `from [..]` names the roles of the nodes that call a method, so that a node that was broken into can ask for nothing
/// else; `system from [..]` those that call on behalf of the system. In one process nobody asks. Who adds a call adds
/// the role of the caller.
macro_rules! service {
    (
        $(#[doc = $about:literal])+
        pub trait $name:ident as $service:literal, error $error:ty, system from [$($system:ident),*] {
            $(
                $(#[doc = $text:literal])+
                async fn $method:ident($request:ty) -> $response:ty; from [$($role:ident),+]; $($repeat:ident;)?
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[async_trait::async_trait]
        pub trait $name: Send + Sync + 'static {
            $(
                $(#[doc = $text])+
                async fn $method(&self, cx: &shoal_types::Context, request: $request) -> Result<$response, $error>;
            )+
        }

        /// The service elsewhere.
        #[derive(Clone)]
        pub struct Remote {
            call: std::sync::Arc<dyn shoal_types::wire::Call>,
        }

        impl Remote {
            /// Sends every call over `call`.
            pub fn new(call: std::sync::Arc<dyn shoal_types::wire::Call>) -> Self {
                Self { call }
            }
        }

        #[async_trait::async_trait]
        impl $name for Remote {
            $(
                async fn $method(&self, cx: &shoal_types::Context, request: $request) -> Result<$response, $error> {
                    let body = $crate::encode(&request)?;
                    let idempotent = $crate::service::repeatable!(cx $($repeat)?);
                    let answer = self.call.call(cx, $service, stringify!($method), body, idempotent).await?;
                    $crate::decode::<Result<$response, $error>>(&answer)?
                }
            )+
        }

        /// The service here, answering calls from elsewhere.
        pub struct Local {
            house: std::sync::Arc<dyn $name>,
        }

        impl Local {
            /// Answers with `house`.
            pub fn new(house: std::sync::Arc<dyn $name>) -> Self {
                Self { house }
            }
        }

        #[async_trait::async_trait]
        impl shoal_types::wire::Dispatch for Local {
            fn service(&self) -> &'static str {
                $service
            }

            fn callers(&self, method: &str) -> &'static [&'static str] {
                match method {
                    $(stringify!($method) => &[$($crate::service::role!($role)),+],)+
                    _ => &[],
                }
            }

            fn system_callers(&self) -> &'static [&'static str] {
                &[$($crate::service::role!($system)),*]
            }

            async fn dispatch(
                &self,
                cx: &shoal_types::Context,
                method: &str,
                body: bytes::Bytes,
            ) -> Result<bytes::Bytes, shoal_types::Fault> {
                match method {
                    $(stringify!($method) => {
                        let request = $crate::decode::<$request>(&body)?;
                        $crate::encode(&self.house.$method(cx, request).await)
                    })+
                    _ => Err(shoal_types::Fault::invalid("method", "unknown_method", format!("{} has no {method}", $service))),
                }
            }
        }
    };
}

/// Whether a call of a method with such a mark may be repeated.
macro_rules! repeatable {
    ($cx:ident) => {
        false
    };
    ($cx:ident idempotent) => {
        true
    };
    ($cx:ident keyed) => {
        $cx.idempotency.is_some()
    };
}

/// The roles that call. A word that is none of them does not compile.
macro_rules! role {
    (gateway) => {
        "gateway"
    };
    (users) => {
        "users"
    };
    (products) => {
        "products"
    };
    (orders) => {
        "orders"
    };
    (checkout) => {
        "checkout"
    };
    (notifications) => {
        "notifications"
    };
    (any) => {
        shoal_types::wire::ANY
    };
    // A command of somebody who has the cluster's bundle: an import, an export, the first administrator.
    (operator) => {
        "operator"
    };
}

pub(crate) use {repeatable, role, service};

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task;

    use async_trait::async_trait;
    use bytes::Bytes;
    use shoal_types::wire::{Call, Dispatch, Peer};
    use shoal_types::{Context, Env, Fault, Idempotency, NodeId, Role, Secret};

    use crate::users::{NewUser, Remote, Token, Users};
    use crate::{checkout, deliveries, nodes, notifications, orders, products, users};

    /// Notes what it is asked and whether that may be repeated.
    #[derive(Default)]
    struct Notes(Mutex<Vec<(&'static str, bool)>>);

    #[async_trait]
    impl Call for Notes {
        async fn call(
            &self,
            _: &Context,
            _: &'static str,
            method: &'static str,
            _: Bytes,
            idempotent: bool,
        ) -> Result<Bytes, Fault> {
            self.0.lock().expect("not poisoned").push((method, idempotent));
            Err(Fault::Internal {})
        }
    }

    fn asked(future: impl Future<Output = impl Sized>) {
        let polled = pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop()));
        assert!(polled.is_ready(), "nothing here waits");
    }

    #[test]
    fn only_what_is_marked_is_repeated_and_what_is_keyed_only_under_a_key() {
        let notes = Arc::new(Notes::default());
        let users = Remote::new(notes.clone());
        let token = || Token { token: Secret::new("t") };
        let ann = NewUser {
            email: "ann@example.com".into(),
            name: "Ann".into(),
            role: Role::Customer,
            phone: None,
            password: None,
            accepts_marketing: false,
            tags: Vec::new(),
            addresses: Vec::new(),
        };
        let plain = Context::system(&Env::system(), std::time::Duration::from_secs(1));
        let key = Idempotency { key: "k1".into(), fingerprint: [0; 32] };
        for cx in [plain.clone(), Context { idempotency: Some(key), ..plain }] {
            asked(users.authenticate(&cx, token()));
            asked(users.create_user(&cx, ann.clone()));
            asked(users.rotate_session(&cx, token()));
        }
        let expected = [
            ("authenticate", true),
            ("create_user", false),
            ("rotate_session", false),
            ("authenticate", true),
            ("create_user", true),
            ("rotate_session", false),
        ];
        assert_eq!(*notes.0.lock().expect("not poisoned"), expected);
    }

    /// What `role` may call, as `service.method`.
    fn open_to(role: &str) -> Vec<String> {
        let call: Arc<dyn Call> = Arc::new(Notes::default());
        let services: [(Box<dyn Dispatch>, &str); 7] = [
            (Box::new(users::Local::new(Arc::new(Remote::new(call.clone())))), include_str!("users.rs")),
            (
                Box::new(products::Local::new(Arc::new(products::Remote::new(call.clone())))),
                include_str!("products.rs"),
            ),
            (
                Box::new(orders::Local::new(Arc::new(orders::Remote::new(call.clone())))),
                include_str!("orders.rs"),
            ),
            (
                Box::new(checkout::Local::new(Arc::new(checkout::Remote::new(call.clone())))),
                include_str!("checkout.rs"),
            ),
            (
                Box::new(notifications::Local::new(Arc::new(notifications::Remote::new(call.clone())))),
                include_str!("notifications.rs"),
            ),
            (
                Box::new(deliveries::Local::new(Arc::new(deliveries::Remote::new(call.clone())))),
                include_str!("deliveries.rs"),
            ),
            (Box::new(nodes::Local::new(Arc::new(nodes::Remote::new(call)))), include_str!("nodes.rs")),
        ];
        let peer = Peer::new(NodeId::new(&Env::system()), [role.into()].into());
        let mut open = Vec::new();
        for (service, source) in services {
            let methods = source.lines().filter_map(|line| line.trim().strip_prefix("async fn "));
            for method in methods.filter_map(|line| line.split('(').next()) {
                assert!(!service.callers(method).is_empty(), "nobody may call {method}");
                if peer.has_any(service.callers(method)) {
                    open.push(format!("{}.{method}", service.service()));
                }
            }
            assert!(service.callers("no_such_method").is_empty());
            if peer.has_any(service.system_callers()) {
                open.push(format!("{}, for the system", service.service()));
            }
        }
        open
    }

    #[test]
    fn a_node_may_call_what_its_role_calls_and_nothing_else() {
        let checkout = [
            "products.reserve",
            "products.confirm",
            "products.release",
            "products.restock",
            "products.find_reservation",
            "products, for the system",
            "orders.freeze_cart",
            "orders.thaw_cart",
            "orders.quote",
            "orders.create_order",
            "orders.mark_paid",
            "orders.cancel_order",
            "orders.record_return",
            "orders.mark_refunded",
            "orders.get_order",
            "orders, for the system",
            "notifications.hear",
            "notifications, for the system",
            "nodes.vitals",
            "nodes, for the system",
        ];
        assert_eq!(open_to("checkout"), checkout);
        let telling = ["notifications.hear", "notifications, for the system"];
        let all = ["nodes.vitals", "nodes, for the system"];
        assert_eq!(open_to("orders"), [&["products.look_up"][..], &telling, &all].concat());
        for leaf in ["users", "products"] {
            assert_eq!(open_to(leaf), [telling, all].concat());
        }
        for leaf in ["*", ""] {
            assert_eq!(open_to(leaf), all);
        }
        let notifications = [
            "users.get_user",
            "users.issue_password_reset",
            "users, for the system",
            "orders.get_order",
            "orders, for the system",
            "nodes.vitals",
            "nodes, for the system",
        ];
        assert_eq!(open_to("notifications"), notifications);
    }

    #[test]
    fn a_gateway_neither_moves_stock_or_money_nor_speaks_for_the_system() {
        let open = open_to("gateway");
        let shared = ["orders.get_order", "nodes.vitals", "nodes, for the system"];
        let both: Vec<_> = open_to("checkout").into_iter().filter(|call| open.contains(call)).collect();
        assert_eq!(both, shared);
        assert!(open.iter().all(|call| !call.contains(".import_") && call != "nodes.drain"));
        let as_system: Vec<_> = open.iter().filter(|call| call.ends_with("for the system")).collect();
        assert_eq!(as_system, ["nodes, for the system"]);
        assert!(open.contains(&"checkout.place".to_owned()) && open.contains(&"users.log_in".to_owned()));
    }
}
