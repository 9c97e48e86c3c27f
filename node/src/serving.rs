//! A node that serves: the public API, the calls of other nodes, and its end in good order.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use shoal_contract::nodes;
use shoal_gateway::{Media, MediaFolder, Pages, Services};
use shoal_net::http::{Health, HttpConfig, Metrics, Server};
use shoal_net::rpc::{self, Door};
use shoal_types::Env;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::{Conflict, Here, Membership};
use crate::config::{Config, Role};
use crate::readiness::{acquainted, strangers, tell_outages};
use crate::telemetry::Telemetry;
use crate::wiring::{Background, Opened};

/// A node that serves.
pub struct Node {
    opened: Opened,
    background: Background,
    here: Arc<Here>,
    health: Health,
    membership: Option<Arc<Membership>>,
    stop: watch::Sender<bool>,
    http: Option<(SocketAddr, JoinHandle<bool>)>,
    probes: Option<(SocketAddr, JoinHandle<bool>)>,
    peers: Option<(SocketAddr, JoinHandle<()>)>,
    telemetry: Telemetry,
}

/// Why a node wants to end, though nobody at its machine has told it to.
pub enum Call {
    /// An operator wants it to drain.
    Drain,
    /// It may not be what it is.
    Ousted(Conflict),
}

impl Node {
    /// Joins the configured cluster, if there is one, opens the configured houses and serves.
    ///
    /// # Errors
    /// Why the cluster cannot be joined, or spans not be sent; as [`Opened::open`] and [`Node::serve`].
    pub async fn start(config: &Config, env: Env) -> anyhow::Result<Self> {
        let telemetry = Telemetry::new(config)?;
        let env = telemetry.watch(env);
        let media =
            (!config.gateway.media.as_os_str().is_empty()).then(|| MediaFolder::new(&config.gateway.media));
        if !config.cluster.is_on() {
            return Self::serve(Opened::open(config, env).await?, config, media, telemetry).await;
        }
        let (membership, door) = Membership::join(config, &env).await?;
        let membership = Arc::new(membership);
        match Opened::among(config, &membership, env).await {
            Ok(opened) => Self::run(opened, config, media, telemetry, Some((membership, door))).await,
            Err(error) => {
                membership.leave().await;
                Err(error)
            }
        }
    }

    /// Serves what is open, alone. `media` is shown at `/media`; `telemetry` sends the spans.
    ///
    /// # Errors
    /// If an address cannot be listened on. What was opened is closed again.
    pub async fn serve(
        opened: Opened,
        config: &Config,
        media: Option<impl Media>,
        telemetry: Telemetry,
    ) -> anyhow::Result<Self> {
        Self::run(opened, config, media, telemetry, None).await
    }

    async fn run(
        opened: Opened,
        config: &Config,
        media: Option<impl Media>,
        telemetry: Telemetry,
        joined: Option<(Arc<Membership>, Door)>,
    ) -> anyhow::Result<Self> {
        let media = media.map(|media| Arc::new(media) as Arc<dyn Media>);
        let (membership, door) = joined.unzip();
        let here = Here::new(&config.roles, membership.clone(), opened.leases(), opened.env().clone());
        let mut background = opened.start().await?;
        if let Some(membership) = &membership {
            opened.heed_losses(membership, &mut background);
        }
        let health = Health::new();
        background.job(tell_outages(config.data.clone(), health.clone(), membership.clone()));
        let (here, stop) = (Arc::new(here), watch::Sender::new(false));
        let (http, probes, peers) = (None, None, None);
        let mut node =
            Self { opened, background, here, health, membership, stop, http, probes, peers, telemetry };
        match node.listen(config, media, door).await {
            Ok(()) => {
                node.telemetry.start(node.here.id());
                Ok(node)
            }
            Err(error) => {
                node.stop().await;
                Err(error)
            }
        }
    }

    async fn listen(
        &mut self,
        config: &Config,
        media: Option<Arc<dyn Media>>,
        door: Option<Door>,
    ) -> anyhow::Result<()> {
        if let (Some(membership), Some(door)) = (&self.membership, door) {
            let (address, server) = self.answer_others(membership, door);
            let served = tokio::spawn(server.run(told(&self.stop), config.http.drain_timeout));
            self.peers = Some((address, served));
        }
        let metrics = Metrics::install();
        if config.roles.has(Role::Gateway) {
            self.serve_api(config, media, metrics.clone()).await?;
        }
        if self.http.is_none() && self.peers.is_none() {
            bail!("this node would answer nobody: add the role gateway, or let it join a cluster");
        }
        if !config.health.listen.is_empty() {
            self.answer_probes(&config.health.listen, metrics).await?;
        }
        match &self.membership {
            Some(membership) => {
                membership.ready()?;
                let acquainted = acquainted(membership.directory(), strangers(&config.roles));
                let health = self.health.clone();
                self.background.job(async move {
                    acquainted.await;
                    health.ready();
                });
            }
            None => self.health.ready(),
        }
        Ok(())
    }

    /// Says whether the node lives and wants work where nothing else is served.
    async fn answer_probes(&mut self, listen: &str, metrics: Option<Metrics>) -> anyhow::Result<()> {
        let http = HttpConfig { listen: listen.to_owned(), ..HttpConfig::default() };
        let server = Server::bind(http, self.health.clone()).await.context("health.listen")?;
        let address = server.address();
        let mut router = self.health.router();
        if let Some(metrics) = metrics {
            router = router.merge(metrics.router());
        }
        self.probes = Some((address, tokio::spawn(server.run(router, told(&self.stop)))));
        tracing::info!(%address, "answering probes");
        Ok(())
    }

    fn answer_others(&self, membership: &Membership, door: Door) -> (SocketAddr, rpc::Server) {
        let env = self.opened.env().clone();
        let mut dispatchers = self.opened.dispatchers();
        dispatchers.push(Arc::new(nodes::Local::new(self.here.clone())));
        let counted = dispatchers.into_iter().map(|calls| membership.in_flight().count(calls));
        let address = door.address();
        let services = rpc::Services::new(env, counted);
        tracing::info!(%address, node = %membership.id(), "answering other nodes");
        (address, rpc::Server::behind(door, membership.identity().tls(), services))
    }

    async fn serve_api(
        &mut self,
        config: &Config,
        media: Option<Arc<dyn Media>>,
        metrics: Option<Metrics>,
    ) -> anyhow::Result<()> {
        let env = self.opened.env().clone();
        let health = self.health.clone();
        self.background.watch(health.clone());
        let server = Server::bind(config.http.clone(), health.clone()).await.context("http.listen")?;
        let address = server.address();
        let services = Services { nodes: Some(self.here.clone()), ..self.opened.services().clone() };
        let pages = pages(config, &env, &services, media.clone());
        let options =
            shoal_gateway::Options { pages, ..gateway_options(config, env, media, health.clone(), metrics) };
        let router = shoal_gateway::router(services, options);
        let served = tokio::spawn(server.run(router, told(&self.stop)));
        self.http = Some((address, served));
        tracing::info!(%address, "serving the public API");
        Ok(())
    }

    /// Where the public API is served, if this node has the role.
    pub fn address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(address, _)| *address)
    }

    /// Where other nodes are answered, if they are.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.peers.as_ref().map(|(address, _)| *address)
    }

    /// The houses and services behind it.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Resolves once somebody elsewhere wants this node to end.
    pub fn called(&self) -> impl Future<Output = Call> + Send + 'static {
        let (mut drained, membership) = (self.here.drained(), self.membership.clone());
        async move {
            let ousted = async {
                match membership {
                    Some(membership) => membership.ousted().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Ok(_) = drained.wait_for(|drained| *drained) => Call::Drain,
                conflict = ousted => Call::Ousted(conflict),
            }
        }
    }

    /// Drains: not ready, requests in flight finished, checkouts under way brought to a stop, data closed, the others
    /// told. Gives whether every request was answered in time.
    pub async fn stop(self) -> bool {
        if let Some(membership) = &self.membership {
            membership.draining();
        }
        self.stop.send_replace(true);
        let mut in_time = true;
        if let Some((_, served)) = self.http {
            in_time = served.await.unwrap_or(false);
        }
        if let Some((_, served)) = self.probes {
            // Whoever probes is not kept from it by what became of this.
            let _ = served.await;
        }
        if let Some((_, served)) = self.peers {
            // A panic in it was logged where it happened; the data is closed all the same.
            let _ = served.await;
        }
        self.background.stop().await;
        self.opened.close().await;
        if let Some(membership) = &self.membership {
            membership.leave().await;
        }
        self.telemetry.stop().await;
        in_time
    }
}

/// Resolves once the node is told to stop.
fn told(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // The sender lives as long as the node; without it there is nothing to serve either.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

fn gateway_options(
    config: &Config,
    env: Env,
    media: Option<Arc<dyn Media>>,
    health: Health,
    metrics: Option<Metrics>,
) -> shoal_gateway::Options {
    shoal_gateway::Options {
        http: config.http.clone(),
        currency: config.currency,
        overview_timeout: config.gateway.overview_timeout,
        docs: config.gateway.docs,
        media,
        health,
        metrics,
        ..shoal_gateway::Options::new(env)
    }
}

/// The storefront, if it is wanted and every service behind it is known.
fn pages(config: &Config, env: &Env, services: &Services, media: Option<Arc<dyn Media>>) -> Option<Pages> {
    if !config.web.enabled {
        return None;
    }
    let (Some(users), Some(products), Some(orders), Some(checkouts)) =
        (&services.users, &services.products, &services.orders, &services.checkouts)
    else {
        tracing::warn!(
            "no storefront: it needs users, products, orders and checkout, here or at a known address"
        );
        return None;
    };
    let services = shoal_web::Services {
        users: users.clone(),
        products: products.clone(),
        orders: orders.clone(),
        checkouts: checkouts.clone(),
    };
    let options = shoal_web::Options {
        tagline: config.web.tagline.clone(),
        currency: config.currency,
        test_provider: config.checkout.test_provider,
        session_lifetime: config.users.session_lifetime,
        trusted_proxies: config.http.trusted_proxies.clone(),
        pictures: Arc::new(move |name| media.as_ref().is_some_and(|media| media.has(name))),
        ..shoal_web::Options::new(env.clone(), &config.web.name)
    };
    let shoal_web::Storefront { routes, front, rules } = shoal_web::storefront(services, options);
    Some(Pages { routes, front, rules })
}
