# owned.sh: an owner, and one that it owns
kubectl create -f owner.yaml >/dev/null
uid=$(kubectl get cm owner -o jsonpath='{.metadata.uid}')
kubectl create -f - <<END
apiVersion: v1
kind: ConfigMap
metadata:
  name: owned
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: $uid, blockOwnerDeletion: true}]
END
