"""The controller behind the rehearsal's juju: it keeps the models and walks each application to active."""
