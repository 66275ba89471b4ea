/* The app.* methods' side of an app's life: who waits for what. */
#ifndef BOBBIN_DAEMON_ADMIN_H
#define BOBBIN_DAEMON_ADMIN_H

struct app;
struct request;

/* A component of the app changed its state: answer those who waited for it to come to rest. */
void admin_app_changed(struct app *app);
/* The app that the request waited for is gone. */
void admin_resume(struct request *r);
/* The same for app.register alone. */
void admin_register_resume(struct request *r);

#endif
