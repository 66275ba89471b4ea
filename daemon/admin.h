/* The app.* methods' side of an app's life: who waits for what. */
#ifndef BOBBIN_DAEMON_ADMIN_H
#define BOBBIN_DAEMON_ADMIN_H

#include "protocol/errors.h"

struct app;
struct request;

/* A component of the app changed its state: answer those who waited for it to come to rest. */
void admin_app_changed(struct app *app);
/* Nothing of a manifest of before is left: answer those who waited for that. */
void admin_app_reloaded(struct app *app);
/* The app that a request's first param names, for its connection's peer. */
int admin_find(struct request *r, struct app **ret, struct error *e);
/* Answer with the app's status. */
void admin_reply_status(struct request *r, const struct app *app);
/* The app that the request waited for is gone. */
void admin_resume(struct request *r);
/* The same for app.register alone. */
void admin_register_resume(struct request *r);

#endif
