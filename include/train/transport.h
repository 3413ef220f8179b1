/* transport.h - messages between the processes of one training. src/train/transport.c serves a single process; `make MPI=1` links
 * src/train/mpi/transport.c instead. A failure of a process, or a lost connection, ends all processes (MPI's default). Only the thread of main()
 * may call these functions.
 */
#ifndef VF_TRANSPORT_H
#define VF_TRANSPORT_H

#include <stddef.h>

/* Call first in main(). Sets the number of this process, counted from 0, and the number of processes. */
void transport_open(int *rank, int *ranks);
void transport_close(void);
/* Sends to a process, which receives as many bytes; both may wait for the other. */
void transport_send(int to, const void *p, size_t bytes);
void transport_receive(int from, void *p, size_t bytes);
/* Copies p from process 0 to all. */
void transport_broadcast(void *p, size_t bytes);

#endif
