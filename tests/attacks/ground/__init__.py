"""What somebody near may do to the ground floor: any peer on the radio, on virtual time.

A peer may be a lock whose answers somebody alters on their way, or a board for a few
euros that answers at the lock's address. As many are tried as fit a usual run. With the
environment variable ``NIGHTLATCH_ATTACKS=long`` there are more than 1,546 peers and more
than 1.3 million answers, which takes minutes.
"""
