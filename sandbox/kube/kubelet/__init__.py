"""The kubelet: runs the containers of bound pods as local processes and reports how they do."""
