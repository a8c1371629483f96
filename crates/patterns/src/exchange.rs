//! Links of a socket that both sends, in turn, and receives.

use std::sync::Arc;

use gleis_transport::{Inbox, Peer};
use parking_lot::Mutex;

use crate::core::Role;
use crate::intake::Intake;
use crate::options::Settings;
use crate::peer::{Exit, Link};
use crate::ring::Ring;

/// The role of a socket that gives each message to one of its peers and takes messages from all.
pub(crate) struct Exchange {
    pub(crate) intake: Arc<Intake>,
    /// The one place there is, if there is only one.
    place: Option<Mutex<Place>>,
    pub(crate) ring: Arc<Ring>,
}

/// The place of the only peer.
#[derive(Default)]
enum Place {
    #[default]
    Free,
    /// For a peer that was admitted and is about to be attached.
    Held,
    Taken(Arc<Link>),
}

impl Exchange {
    /// For any number of peers.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { intake: Arc::new(Intake::new(settings)), place: None, ring: Arc::default() }
    }

    /// For one peer at a time.
    pub(crate) fn exclusive(settings: &Settings) -> Self {
        Self { place: Some(Mutex::default()), ..Self::new(settings) }
    }
}

impl Role for Exchange {
    fn admit(&self, _: &Peer) -> Result<(), String> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let mut place = place.lock();
        match &*place {
            Place::Taken(link) if !link.is_over() => {
                let there = link.address();
                Err(format!("this PAIR socket talks to one peer at a time, now to {there}"))
            }
            Place::Held => Err("this PAIR socket talks to one peer at a time".to_owned()),
            Place::Free | Place::Taken(_) => {
                let old = std::mem::replace(&mut *place, Place::Held);
                drop(place);
                drop(old);
                Ok(())
            }
        }
    }

    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        if let Some(place) = &self.place {
            *place.lock() = Place::Taken(link.clone());
        }
        let inbox = self.intake.clone().attach(link, exit);
        self.ring.add(link);
        inbox
    }

    fn detach(&self, link: &Arc<Link>) {
        if let Some(place) = &self.place {
            let mut place = place.lock();
            if matches!(&*place, Place::Taken(it) if it.id == link.id) {
                *place = Place::Free;
            }
        }
        self.ring.remove(link.id);
        self.intake.detach(link);
    }

    fn close(&self) {
        self.ring.close();
    }

    fn end(&self) {
        self.intake.end();
    }
}
