/* What cppcheck does not find by itself: lists of <sys/queue.h>. */
#define STAILQ_HEAD(name, type)                                                                    \
    struct name {                                                                                  \
        struct type *stqh_first, **stqh_last;                                                      \
    }
#define STAILQ_ENTRY(type)                                                                         \
    struct {                                                                                       \
        struct type *stqe_next;                                                                    \
    }
#define LIST_HEAD(name, type)                                                                      \
    struct name {                                                                                  \
        struct type *lh_first;                                                                     \
    }
#define LIST_ENTRY(type)                                                                           \
    struct {                                                                                       \
        struct type *le_next, **le_prev;                                                           \
    }
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) ((head)->lh_first == 0)
#define LIST_NEXT(at, field) ((at)->field.le_next)
#define LIST_FOREACH(at, head, field) for (at = (head)->lh_first; at; at = (at)->field.le_next)
#define STAILQ_FIRST(head) ((head)->stqh_first)
#define STAILQ_EMPTY(head) ((head)->stqh_first == 0)
#define STAILQ_NEXT(at, field) ((at)->field.stqe_next)
#define STAILQ_FOREACH(at, head, field)                                                            \
    for (at = (head)->stqh_first; at; at = (at)->field.stqe_next)
