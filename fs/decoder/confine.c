#include "fs/decoder/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_BYTES (1536ul << 20) /* for one 4K frame and the libraries */
#define CPU_SECONDS 10
#define NOBODY 65534

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* Sanitizers need more memory and other system calls. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static int limit(int what, rlim_t most)
{
	struct rlimit limits = { most, most };

	return setrlimit(what, &limits) < 0 ? -errno : 0;
}

static int limit_all(void)
{
	int r = limit(RLIMIT_CPU, CPU_SECONDS);

	if (!r)
		r = limit(RLIMIT_CORE, 0);
	if (!r)
		r = limit(RLIMIT_FSIZE, 0);
	if (!r && !IS_SANITIZED)
		r = limit(RLIMIT_AS, MEMORY_BYTES);
	if (!r && !IS_SANITIZED)
		r = limit(RLIMIT_NOFILE, 0); /* open descriptors stay open */
	return r;
}

static int become_nobody(void)
{
	if (geteuid())
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return errno == EPERM || errno == EINVAL
			       ? 0
			       : -errno; /* one-user namespace */
	return 0;
}

#define ALLOW(name)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int filter_calls(void)
{
#ifdef MACHINE
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(close),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(getrandom),
		ALLOW(sched_getaffinity),
		ALLOW(rt_sigreturn),
		ALLOW(exit),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return errno == EINVAL ? 0 : -errno; /* the kernel has no filters */
#endif
	return 0;
}

int confine(void)
{
	int r = limit_all();

	if (!r)
		r = become_nobody();
	/*
	 * Ends this program with the mount. It comes after the change of user, which
	 * resets it.
	 */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	if (!r &&
	    (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		r = -errno;
	if (!r && !IS_SANITIZED)
		r = filter_calls();
	return r;
}
